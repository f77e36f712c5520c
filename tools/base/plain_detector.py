"""A detector of COCO in a plain script round its bare session, beside the base imported from it.

Nothing of the layouts and of the joined graph is used: resizing by OpenCV in bytes, decoding and
greedy suppression as the detectors' own examples do it. `drivemeta base import` must lose nothing.

    python -m tools.base.plain_detector yolox_nano.onnx --kind yolox --base mybase.onnx \
        --data annotations.json --split val
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.core.boxes import FloatArray, nms
from drivemeta.core.coco_names import COCO_NAMES
from drivemeta.data.dataset import Dataset
from drivemeta.data.readers import read_annotations
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import score_detections
from drivemeta.evaluation.inference import detect_all
from drivemeta.runtime.detector import OnnxDetector

CLASSES = ("vehicle", "pedestrian", "traffic_light")
OF = {"car": 0, "bus": 0, "train": 0, "truck": 0, "person": 1, "traffic light": 2}
TRUTH = {name: CLASSES[label] for name, label in OF.items()}
LEAST, NMS_IOU = 0.005, 0.65
NORMAL = np.array([[103.53, 116.28, 123.675], [57.375, 57.12, 58.395]], np.float32)


class Plain:
    """A detector's file, run by a script of its own.

    Args:
        path: Detector of COCO.
        kind: `yolox` (raw) or `nanodet` (m).
        nms_iou: Overlap above which the weaker of two boxes of one class goes.
    """

    provider = "cpu"

    def __init__(self, path: Path, kind: str, nms_iou: float = NMS_IOU) -> None:
        self._session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0]
        self._find = {"yolox": self._yolox, "nanodet": self._nanodet}[kind]
        self._nms_iou = nms_iou

    def __call__(
        self, frames: Sequence[NDArray[np.uint8]], min_score: float | None = None
    ) -> list[Detections]:
        """Return what is found in frames."""
        return [self._one(frame, LEAST if min_score is None else min_score) for frame in frames]

    def _one(self, frame: NDArray[np.uint8], least: float) -> Detections:
        boxes, scores = self._find(frame)
        groups = np.array([OF.get(name, -1) for name in COCO_NAMES])
        by_class = np.stack([scores[:, groups == i].max(1) for i in range(len(CLASSES))], 1)
        rows, labels = np.nonzero(by_class >= least)
        best, places = by_class[rows, labels].astype(np.float32), boxes[rows].astype(np.float32)
        height, width = frame.shape[:2]
        places = np.clip(places, 0, [width, height, width, height]).astype(np.float32)
        top = np.argsort(-best, kind="stable")[:1000]
        places, best, labels = places[top], best[top], labels[top].astype(np.int64)
        kept = nms(places, best, labels, self._nms_iou)[:100]
        return Detections(places[kept], best[kept], labels[kept], CLASSES)

    def _yolox(self, frame: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
        side = int(self._input.shape[2])
        ratio = min(side / frame.shape[0], side / frame.shape[1])
        size = int(frame.shape[1] * ratio), int(frame.shape[0] * ratio)
        image = np.full((side, side, 3), 114, np.uint8)
        image[: size[1], : size[0]] = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
        output = self._run(image.astype(np.float32))[0][0]
        start = 0
        for stride in (8, 16, 32):
            n = side // stride
            ys, xs = np.divmod(np.arange(n * n), n)
            part = output[start : start + n * n]
            part[:, 0], part[:, 1] = (part[:, 0] + xs) * stride, (part[:, 1] + ys) * stride
            part[:, 2:4] = np.exp(part[:, 2:4]) * stride
            start += n * n
        half = output[:, 2:4] / 2
        boxes = np.concatenate([output[:, :2] - half, output[:, :2] + half], 1) / ratio
        return boxes, output[:, 4:5] * output[:, 5:]

    def _nanodet(self, frame: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
        side = int(self._input.shape[2])
        image = cv2.resize(frame, (side, side)).astype(np.float32)
        outputs = self._run((image - NORMAL[0]) / NORMAL[1])
        boxes = []
        for bins, stride in zip(outputs[3:], (8, 16, 32), strict=True):
            n = side // stride
            ys, xs = np.divmod(np.arange(n * n), n)
            x, y = (place * stride + (stride - 1) / 2 for place in (xs, ys))
            powers = np.exp(bins[0].reshape(-1, 4, 8))
            sides = (powers / powers.sum(2, keepdims=True)) @ np.arange(8) * stride
            boxes.append(
                np.stack([x - sides[:, 0], y - sides[:, 1], x + sides[:, 2], y + sides[:, 3]], 1)
            )
        height, width = frame.shape[:2]
        scale = np.array([width, height, width, height]) / side
        found = (np.concatenate(boxes) * scale).astype(np.float32)
        return found, np.concatenate([o[0] for o in outputs[:3]])

    def _run(self, image: FloatArray) -> list[FloatArray]:
        planes = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
        return list(self._session.run(None, {self._input.name: planes}))


def ap50(detector: Plain | OnnxDetector, truth: Dataset, names: Sequence[str]) -> dict[str, float]:
    """Return the AP50 of each super-class, in per cent."""
    found = detect_all(detector, truth)
    tree = ClassTree(tuple(names), (None,) * len(names), ("base",) * len(names))
    scores = score_detections(truth, found, tree)
    return {row.name: round(100 * (row.ap50 or 0), 2) for row in scores.classes}


def main() -> None:
    """Print the AP50 of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("detector", type=Path)
    parser.add_argument("--kind", choices=("yolox", "nanodet"), required=True)
    parser.add_argument("--base", type=Path, help="what `drivemeta base import` wrote of it")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split")
    parser.add_argument("--nms-iou", type=float, default=NMS_IOU)
    arguments = parser.parse_args()
    truth = read_annotations(arguments.data).map_classes(TRUTH, list(CLASSES))
    if arguments.split:
        images = [i for i in truth.images if i.attributes.get("split") == arguments.split]
        truth = replace(truth, images=tuple(images))
    plain = Plain(arguments.detector, arguments.kind, arguments.nms_iou)
    found = {"images": len(truth), "plain": ap50(plain, truth, CLASSES)}
    if arguments.base:
        base = OnnxDetector(arguments.base, provider="cpu")
        found["base"] = ap50(base, truth, base.classes)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
