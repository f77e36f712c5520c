"""Assemble the shipped base from two training runs: weights, class bank, named banks.

    python tools/build_base.py --level1 runs/level1 --level2 runs/level2 \
        --embedding-config configs/train_embedding.yaml

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
from drivemeta.learn.banks import FOLDER, NamedBank, save_bank
from drivemeta.learn.calibration import embed
from drivemeta.learn.crop_data import BACKGROUND, CropsByClass, crops_to_tensor, view
from drivemeta.learn.detector_loss import TrainableLevel1
from drivemeta.learn.run import CHECKPOINT
from drivemeta.learn.train_embedding import EmbeddingTraining, training_crops
from drivemeta.models.detector import SUPER_CLASSES, TwoLevelDetector, super_class_bank
from drivemeta.models.level1 import Level1
from drivemeta.models.level2 import Level2
from drivemeta.models.scoring import Scoring
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
    arguments = parser.parse_args()
    detector = build(arguments.level1, arguments.level2)
    provenance = {"level1": _progress(arguments.level1), "level2": _progress(arguments.level2)}
    save_detector(arguments.out, detector, provenance)
    config = load_config(arguments.embedding_config, EmbeddingTraining)
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
