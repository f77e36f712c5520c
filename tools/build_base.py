"""Assemble the shipped base from two training runs: weights, class bank, named banks.

    python tools/build_base.py --level1 runs/level1 --level2 runs/level2 \
        --embedding-config configs/train_embedding.yaml

The super-classes' thresholds are those of the best F1 on BDD training images.

Reads the averaged weights if a run has ended, else those of its last checkpoint.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch.nn import functional as F

from drivemeta.config import load_config
from drivemeta.core import Detections
from drivemeta.core.scoring import Scoring
from drivemeta.data.sources import load_source, to_dataset
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.matching import HIT, IGNORED, Matches
from drivemeta.evaluation.operating_point import match_class
from drivemeta.learn.banks import FOLDER, NamedBank, save_bank
from drivemeta.learn.calibration import embed
from drivemeta.learn.crop_data import BACKGROUND, CropsByClass, crops_to_tensor, view
from drivemeta.learn.detector_loss import TrainableLevel1
from drivemeta.learn.evidence import read_image
from drivemeta.learn.proposals import propose
from drivemeta.learn.run import CHECKPOINT
from drivemeta.learn.train_embedding import EmbeddingTraining, training_crops
from drivemeta.models.detector import SUPER_CLASSES, TwoLevelDetector, super_class_bank
from drivemeta.models.level1 import Level1
from drivemeta.models.level2 import Level2
from drivemeta.models.store import BASE_PATH, save_detector

N_BACKGROUND = 24
PREFIX = "average."


def main() -> None:
    """Build the base and its banks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level1", type=Path, required=True)
    parser.add_argument("--level2", type=Path, required=True)
    parser.add_argument("--embedding-config", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=BASE_PATH)
    parser.add_argument("--banks", type=Path, default=FOLDER)
    parser.add_argument("--images", type=int, default=150, help="to set the thresholds on")
    arguments = parser.parse_args()
    config = load_config(arguments.embedding_config, EmbeddingTraining)
    detector = build(arguments.level1, arguments.level2)
    thresholds = best_thresholds(detector, config.data / "scenes", arguments.images)
    detector = detector.with_bank(detector.bank.with_thresholds(thresholds))
    print("thresholds:", {name: round(value, 3) for name, value in thresholds.items()})
    provenance = {"level1": _progress(arguments.level1), "level2": _progress(arguments.level2)}
    save_detector(arguments.out, detector, provenance)
    crops = training_crops(config)
    for name, bank in named_banks(detector, crops).items():
        save_bank(arguments.banks / f"{name}.safetensors", bank)
        print(f"bank {name}: {len(set(bank.names))} classes, {len(bank.names)} rows")
    print(f"base: {arguments.out}, {arguments.out.stat().st_size / 1e6:.1f} MB, {provenance}")


def build(level1_run: Path, level2_run: Path) -> TwoLevelDetector:
    """Return the detector of two runs."""
    state = _weights(level1_run, "level1")
    trained = TrainableLevel1(Level1(), len(SUPER_CLASSES))
    trained.load_state_dict(state)
    level2 = Level2()
    own = level2.state_dict()
    found = _weights(level2_run, "level2")
    level2.load_state_dict({key: found[f"level2.{key}"] for key in own})
    rows = trained.rows
    bank = super_class_bank(
        F.normalize(rows.weights.detach(), dim=-1).numpy(),
        rows.biases.detach().numpy(),
        level2.dim,
    )
    scoring = Scoring(dense_scale=float(rows.log_scale.detach().exp()))
    return TwoLevelDetector(trained.level1, level2, bank, scoring).eval()


def best_thresholds(detector: TwoLevelDetector, scenes: Path, n_images: int) -> dict[str, float]:
    """Return the threshold of best F1 at IoU 0.5 of each super-class, on BDD training images."""
    images = load_source(scenes, "bdd", "train")
    chosen = np.random.default_rng(0).permutation(len(images))[:n_images]
    truth = to_dataset([images[i] for i in chosen])
    found = [_detections(detector, read_image(image.path)) for image in truth.images]
    tree = ClassTree.of(detector.bank.classes)
    return {name: _best_f1(match_class(truth, found, tree, name)) for name in SUPER_CLASSES}


def _detections(detector: TwoLevelDetector, image: np.ndarray) -> Detections:
    proposals = propose(detector, image, 0.02)
    return Detections(proposals.boxes, proposals.scores, proposals.roots, detector.bank.names)


def _best_f1(matches: Matches) -> float:
    counted = matches.outcomes != IGNORED
    scores, hits = matches.scores[counted], matches.outcomes[counted] == HIT
    order = np.argsort(-scores, kind="stable")
    n_hits = np.cumsum(hits[order])
    f1 = 2 * n_hits / (np.arange(1, len(order) + 1) + matches.n_truth.sum())
    return float(scores[order][f1.argmax()])


def named_banks(detector: TwoLevelDetector, crops: CropsByClass) -> dict[str, NamedBank]:
    """Return the banks of signs (with background) and of light states."""
    context = detector.scoring.context
    means = {
        name: embed(detector.level2, crops_to_tensor([view(c, context) for c in found]))
        for name, found in crops.items()
    }
    lights = {name: value for name, value in means.items() if name.endswith("_light")}
    background = means.pop(BACKGROUND, np.zeros((0, detector.level2.dim), np.float32))
    signs = {name: value for name, value in means.items() if name not in lights}
    rng = np.random.default_rng(0)
    sample = rng.permutation(len(background))[:N_BACKGROUND]
    return {
        "signs": _bank("traffic_sign", signs, background[sample]),
        "lights": _bank("traffic_light", lights, background[:0]),
    }


def _bank(parent: str, embeddings: dict[str, np.ndarray], background: np.ndarray) -> NamedBank:
    names = tuple(sorted(embeddings))
    rows = np.stack([embeddings[name].mean(0) for name in names])
    weights = np.concatenate([rows, background]).astype(np.float32)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return NamedBank(parent, names + (BACKGROUND,) * len(background), weights)


def _weights(run: Path, name: str) -> dict[str, torch.Tensor]:
    final = run / f"{name}.safetensors"
    path, prefix = (final, "") if final.is_file() else (run / CHECKPOINT, PREFIX)
    with safe_open(path, framework="pt") as file:
        keys = [key for key in file.keys() if key.startswith(prefix)]  # noqa: SIM118
        return {key.removeprefix(prefix): file.get_tensor(key) for key in keys}


def _progress(run: Path) -> dict[str, float]:
    with safe_open(run / CHECKPOINT, framework="pt") as file:
        progress: dict[str, float] = json.loads(file.metadata()["progress"])
    return progress


if __name__ == "__main__":
    main()
