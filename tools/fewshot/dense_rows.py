"""Learning a new kind of object for level 1: imprinted rows against rows moved by gradient steps.

    python -m tools.fewshot.dense_rows [--classes traffic_light traffic_sign pedestrian] [--seeds 4]

One super-class at a time is taken out of the base and learnt again from a few boxes of BDD training
images; AP50 of it on BDD validation images, by the located boxes of level 1.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.dense_rows import N_STEPS, learn_dense
from drivemeta.core import SUPER_CLASSES, BankRows, ClassBank, Detections
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import DenseArrays, locate
from drivemeta.data.readers.files import read_image
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.fewshot import Trial
from drivemeta.evaluation.operating_point import match_class
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.store import load_base
from drivemeta.models.traced.proposals import dense_of
from drivemeta.training.base.sources import SourceImage, load_source, to_dataset
from tools.fewshot.networks import RememberedNetworks, on_onnx_runtime

LEAST_SIDE = 10.0


@dataclass(frozen=True, eq=False)
class DrawnLabels:
    """(n,) int64: 0 for a box to learn from, -1 for another of its class."""

    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DrawnShots:
    """Frames, uint8 BGR, with the (n, 4) boxes of one class in each, and which are the shots."""

    frames: tuple[tuple[NDArray[np.uint8], FloatArray], ...]
    boxes: DrawnLabels
    networks: RememberedNetworks


def main() -> None:
    """Print a line for each class and number of shots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument(
        "--classes", nargs="+", default=["traffic_light", "traffic_sign", "pedestrian"]
    )
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--images", type=int, default=50)
    arguments = parser.parse_args()
    base = on_onnx_runtime(load_base(), None)
    val = load_source(arguments.scenes, "bdd", "val")
    val = [val[i] for i in np.random.default_rng(0).permutation(len(val))[: arguments.images]]
    looked = [_look(base, image.path) for image in val]
    networks = RememberedNetworks(base)
    train = load_source(arguments.scenes, "bdd", "train")
    for name in arguments.classes:
        print(f"{name}: {100 * ap50(base, base.bank, name, val, looked):.1f} as the base has it")
        for n_shots in arguments.shots:
            found: dict[int, list[float]] = {0: [], N_STEPS: []}
            for seed in range(arguments.seeds):
                shots = _drawn(train, SUPER_CLASSES.index(name), n_shots, seed, networks)
                for n_steps, scores in found.items():
                    bank = _relearnt(base, name, shots, n_steps)
                    scores.append(ap50(base, bank, name, val, looked))
            line = ", ".join(f"{n} steps {100 * np.mean(ap):.1f}" for n, ap in found.items())
            print(f"  {n_shots} shots: {line}", flush=True)


def ap50(
    base: TwoLevelDetector,
    bank: ClassBank,
    name: str,
    images: list[SourceImage],
    looked: list[tuple[DenseArrays, tuple[int, int]]],
) -> float:
    """Return AP50 of one class by level 1 alone."""
    truth, found = to_dataset(images), []
    for dense, size in looked:
        boxes = locate(dense, bank, base.scoring, size, base.input_size)
        found.append(Detections(boxes.boxes, boxes.scores, boxes.labels, bank.names))
    matches = {name: match_class(truth, found, ClassTree.of(bank.classes), name)}
    return Trial(0, np.arange(len(images)), matches, 0.0).ap50([name])


def _look(base: TwoLevelDetector, path: Path) -> tuple[DenseArrays, tuple[int, int]]:
    image = read_image(path)
    return dense_of(base, image), (image.shape[0], image.shape[1])


def _relearnt(base: TwoLevelDetector, name: str, shots: DrawnShots, n_steps: int) -> ClassBank:
    """Return the base's bank with the row of one super-class learnt from shots."""
    row, bias = learn_dense(base, shots, 0, n_steps)
    label, rows = base.bank.index(name), base.bank.dense
    kept = rows.owners != label
    rest = BankRows(rows.weights[kept], rows.biases[kept], rows.owners[kept], rows.roots[kept])
    owner = np.array([label])
    new = BankRows(row[None], np.array([bias], np.float32), owner, owner)
    return replace(base.bank, dense=rest + new)


def _drawn(
    images: list[SourceImage], label: int, n_shots: int, seed: int, networks: RememberedNetworks
) -> DrawnShots:
    """Return frames with `n_shots` boxes to learn (label 0); others of the class are known."""
    frames: list[tuple[NDArray[np.uint8], FloatArray]] = []
    labels: list[NDArray[np.int64]] = []
    missing = n_shots
    for index in np.random.default_rng(seed).permutation(len(images)):
        image = images[index]
        own = (image.labels == label) & ~image.ignore
        large = (image.boxes[:, 2:] - image.boxes[:, :2]).min(1, initial=np.inf) > LEAST_SIDE
        chosen = np.flatnonzero(own & large)[:missing]
        if len(chosen):
            missing -= len(chosen)
            frames.append((read_image(image.path), image.boxes[image.labels == label]))
            given = np.full(len(image.labels), -1)
            given[chosen] = 0
            labels.append(given[image.labels == label])
        if not missing:
            break
    return DrawnShots(tuple(frames), DrawnLabels(np.concatenate(labels)), networks)


if __name__ == "__main__":
    main()
