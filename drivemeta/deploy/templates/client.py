"""Detects in images: python client.py IMAGE... Needs onnxruntime, numpy and opencv-python only."""

import argparse
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before the import, which reports otherwise
import onnxruntime as ort

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("images", nargs="+")
parser.add_argument("--model", default=str(Path(__file__).with_name("model.onnx")))
parser.add_argument("--provider", default="CPUExecutionProvider")
parser.add_argument("--min-score", type=float, help="in place of each class's own threshold")
args = parser.parse_args()

ort.set_default_logger_severity(3)  # it warns of each input that need not be fed
session = ort.InferenceSession(args.model, providers=[args.provider])
manifest = json.loads(session.get_modelmeta().custom_metadata_map["drivemeta"])
feeds = {}
if args.min_score is not None:
    info = next(i for i in session.get_overridable_initializers() if i.name == "thresholds")
    feeds["thresholds"] = np.full(info.shape, args.min_score, np.float32)
for path in args.images:
    frame = cv2.imread(path)  # (height, width, 3) uint8 BGR, as the model wants it
    if frame is None:
        sys.exit(f"cannot read {path}")
    found = session.run(None, {"frames": frame[None], **feeds})
    boxes, scores, labels, count = (output[0] for output in found)
    names = [manifest["classes"][label]["name"] for label in labels[:count]]
    rows = zip(names, scores[:count].tolist(), boxes[:count].tolist(), strict=True)
    objects = [{"name": name, "score": score, "box": box} for name, score, box in rows]
    print(json.dumps({"image": path, "objects": objects}))
