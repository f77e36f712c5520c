"""Assemble the shipped base from two training runs: weights, class bank, named banks.

    python -m tools.base.build --level1 runs/level1_stage7 --level2 runs/level2_stage2 \
        --embedding-config configs/train_level2_stage2.yaml

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

from drivemeta.banks.named import (
    BACKGROUND,
    NamedBank,
    save_bank,
    with_named,
)
from drivemeta.config import load_config
from drivemeta.core import SUPER_CLASSES, Detections
from drivemeta.core.scoring import Scoring
from drivemeta.data.readers.files import read_image
from drivemeta.errors import InputError
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.matching import HIT, IGNORED, Matches
from drivemeta.evaluation.operating_point import match_class
from drivemeta.models.detector import TwoLevelDetector, super_class_bank
from drivemeta.models.level1 import Level1
from drivemeta.models.level2 import Level2
from drivemeta.models.store import save_detector
from drivemeta.models.traced.proposals import propose
from drivemeta.paths import BASE_WEIGHTS, NAMED_BANKS
from drivemeta.plugins.learner.embedding import in_parts
from drivemeta.plugins.learner.means import spherical_means
from drivemeta.training.base.embedding import KINDS, EmbeddingTraining, training_crops
from drivemeta.training.base.level1_loss import TrainableLevel1
from drivemeta.training.base.level2_crops import VEHICLE_LIGHT, CropsByClass
from drivemeta.training.base.loop import CHECKPOINT
from drivemeta.training.base.sources import load_source, to_dataset
from drivemeta.training.crops import crops_to_tensor, view

N_BACKGROUND = 16
BACKGROUND_SAMPLE = 600
PREFIX = "average."
CYCLIST_WEIGHT = 1.5  # docs/base.md; thresholds of pedestrians and cyclists are as 1.48 to 1


def main() -> None:
    """Build the base and its banks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level1", type=Path, required=True)
    parser.add_argument("--level2", type=Path, required=True)
    parser.add_argument("--embedding-config", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=BASE_WEIGHTS)
    parser.add_argument("--banks", type=Path, default=NAMED_BANKS)
    parser.add_argument("--images", type=int, default=150, help="to set the thresholds on")
    arguments = parser.parse_args()
    config = load_config(arguments.embedding_config, EmbeddingTraining)
    detector = build(arguments.level1, arguments.level2)
    thresholds = best_thresholds(detector, config.data / "scenes", arguments.images)
    print("thresholds:", {name: round(value, 3) for name, value in thresholds.items()})
    banks = named_banks(detector, training_crops(config))
    for name, bank in banks.items():
        save_bank(arguments.banks / f"{name}.safetensors", bank)
        print(f"bank {name}: {len(set(bank.names))} classes, {len(bank.names)} rows")
    known = with_named(detector.bank.with_thresholds(thresholds), banks["lights"])
    provenance = {"level1": progress(arguments.level1), "level2": progress(arguments.level2)}
    save_detector(arguments.out, detector.with_(bank=known), provenance)
    print(f"base: {arguments.out}, {arguments.out.stat().st_size / 1e6:.1f} MB, {provenance}")


def build(level1_run: Path, level2_run: Path) -> TwoLevelDetector:
    """Return the detector of two runs."""
    trained, level2 = level1_of(level1_run), level2_of(level2_run)
    bank = super_class_bank(*trained.rows.as_numpy(), level2.dim)
    scale = float(trained.rows.log_scale.detach().exp())
    scoring = Scoring(dense_scale=scale, cyclist_weight=CYCLIST_WEIGHT)
    return TwoLevelDetector(trained.level1, level2, bank, scoring).eval()


def level1_of(run: Path) -> TrainableLevel1:
    """Return the averaged level 1 of a run, with the rows of its super-classes."""
    state = _weights(run, "level1")
    fine = state.get("level1.fine.embed.weight")  # (dim, fine_width, 1, 1)
    level1 = Level1(
        passthrough="level1.neck.fine.0.weight" in state,
        fine_width=0 if fine is None else fine.shape[1],
    )
    trained = TrainableLevel1(level1, len(SUPER_CLASSES))
    trained.load_state_dict(state)
    return trained.eval()


def level2_of(run: Path) -> Level2:
    """Return the averaged level 2 of a run."""
    level2, found = Level2(), _weights(run, "level2")
    level2.load_state_dict({key: found[f"level2.{key}"] for key in level2.state_dict()})
    return level2.eval()


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


@torch.no_grad()
def named_banks(detector: TwoLevelDetector, crops: CropsByClass) -> dict[str, NamedBank]:
    """Return the banks of signs, of light states and of kinds of vehicle, with background."""
    context = detector.scoring.context
    means = {
        name: in_parts(detector.level2, crops_to_tensor([view(c, context) for c in found])).numpy()
        for name, found in crops.items()
    }
    none = np.zeros((0, detector.bank.crop.weights.shape[1]), np.float32)
    background = means.pop(BACKGROUND, none)
    glow = means.pop(VEHICLE_LIGHT, none)
    for name in ("person", "rider"):  # super-classes of their own, with nothing below them yet
        means.pop(name, None)
    lights = {name: means.pop(name) for name in list(means) if name.endswith("_light")}
    kinds = {name: means.pop(name) for name in list(means) if name in KINDS}
    sample = np.random.default_rng(0).permutation(len(background))[:BACKGROUND_SAMPLE]
    return {
        "signs": _bank("traffic_sign", means, background[sample], 1),
        "lights": _bank("traffic_light", lights, np.concatenate([background[sample], glow]), 4),
        "vehicles": _bank("vehicle", kinds, background[sample], 6),
    }


def _bank(
    parent: str, embeddings: dict[str, np.ndarray], background: np.ndarray, n_means: int
) -> NamedBank:
    """Return a bank of at most `n_means` rows a class, and as much background as has its own."""
    names: list[str] = []
    rows: list[torch.Tensor] = []
    for name in sorted(embeddings):
        rows.append(spherical_means(torch.from_numpy(embeddings[name]), n_means))
        names += [name] * len(rows[-1])
    if len(background):
        rows.append(spherical_means(torch.from_numpy(background), N_BACKGROUND))
        names += [BACKGROUND] * len(rows[-1])
    return NamedBank(parent, tuple(names), torch.cat(rows).numpy().astype(np.float32))


def _weights(run: Path, name: str) -> dict[str, torch.Tensor]:
    final = run / f"{name}.safetensors"
    path, prefix = (final, "") if final.is_file() else (run / CHECKPOINT, PREFIX)
    with safe_open(path, framework="pt") as file:
        keys = [key for key in file.keys() if key.startswith(prefix)]  # noqa: SIM118
        return {key.removeprefix(prefix): file.get_tensor(key) for key in keys}


def progress(run: Path) -> dict[str, float]:
    """Return the steps and seconds of a run's last checkpoint.

    Raises:
        InputError: There is none.
    """
    path = run / CHECKPOINT
    if not path.is_file():
        raise InputError(f"expected the checkpoint of the run, found no file at {path}")
    with safe_open(path, framework="pt") as file:
        found: dict[str, float] = json.loads(file.metadata()["progress"])
    return found


if __name__ == "__main__":
    main()
