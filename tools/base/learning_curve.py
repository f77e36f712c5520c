"""AP50 of level 1 of a training run as it stands, appended to a CSV file: the learning curve.

    python -m tools.base.learning_curve --run runs/level1_stage2 --images 100

Scores the moving average of the weights in the run's last checkpoint on BDD validation images, at
each input size given.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from drivemeta.core import Detections
from drivemeta.core.scoring import Scoring
from drivemeta.data.readers.files import read_image
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import score_detections
from drivemeta.models.detector import TwoLevelDetector, super_class_bank
from drivemeta.models.level2 import Level2
from drivemeta.models.traced.proposals import propose
from drivemeta.training.base.sources import load_source, to_dataset
from tools.base.build import level1_of, progress


def main() -> None:
    """Score the run at each size and append a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--sizes", nargs="+", default=["384x640", "576x1024"])
    arguments = parser.parse_args()
    trained = level1_of(arguments.run)
    bank = super_class_bank(*trained.rows.as_numpy(), Level2().dim)
    scoring = Scoring(dense_scale=float(trained.rows.log_scale.exp()))
    images = load_source(arguments.data, "bdd", "val")
    chosen = np.random.default_rng(0).permutation(len(images))[: arguments.images]
    truth = to_dataset([images[i] for i in chosen])
    for size in arguments.sizes:
        height, width = map(int, size.split("x"))
        detector = TwoLevelDetector(trained.level1, Level2(), bank, scoring, (height, width))
        found = []
        for image in track(truth.images, size, transient=True):
            located = propose(detector.eval(), read_image(image.path))
            found.append(Detections(located.boxes, located.scores, located.roots, bank.names))
        scores = score_detections(truth, found, ClassTree.of(bank.classes))
        row = {**progress(arguments.run), "size": size, "images": len(truth.images)}
        row |= {score.name: round(score.ap50 or 0, 4) for score in scores.classes}
        print(row)
        _append(arguments.run / "curve.csv", row)


def _append(path: Path, row: dict[str, object]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
