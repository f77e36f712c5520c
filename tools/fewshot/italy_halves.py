"""Halve the dev-novel images of the Italian scenes: choose on half A, report on half B.

    python -m tools.fewshot.italy_halves [--data ../shared/data/scenes/italy]

Images with consecutive numbers often show one place: up to three stay together. Groups go, rarest
class first, to the half that has fewer boxes of the classes in them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.readers import read_coco

LARGEST_GROUP = 3


def main() -> None:
    """Read the arguments and write the list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/scenes/italy"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("italy_halves.json"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    names = json.loads((arguments.data / "splits.json").read_text())["dev_novel"]
    dataset = read_coco(arguments.data / "annotations.json").split("novel")
    novel = dataset.map_classes({name: name for name in names})
    halves = halve(novel, arguments.seed)
    content = {"command": "python -m tools.fewshot.italy_halves", "seed": arguments.seed, **halves}
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")
    for half, files in halves.items():
        chosen = novel.select(i for i, image in enumerate(novel.images) if image.path.name in files)
        print(half, len(chosen), chosen.n_boxes())


def halve(novel: Dataset, seed: int) -> dict[str, list[str]]:
    """Return the file names of each half."""
    groups = _consecutive(novel.images)
    order = np.random.default_rng(seed).permutation(len(groups))
    counts = np.array([_count(groups[i], len(novel.classes)) for i in order])  # (n, n_classes)
    totals = np.zeros((2, len(novel.classes)), np.int64)
    half_of = np.full(len(order), -1)
    for label in np.argsort(counts.sum(0), kind="stable"):
        mine = np.flatnonzero((half_of < 0) & (counts[:, label] > 0))
        for i in mine[np.argsort(-counts[mine, label], kind="stable")]:
            leans = (totals[0] - totals[1]) / counts.sum(0)  # per class, towards half A
            half_of[i] = int(leans @ counts[i] + 1e-6 * leans.sum() > 0)
            totals[half_of[i]] += counts[i]
    return {
        half: sorted(
            image.path.name for i in np.flatnonzero(half_of == number) for image in groups[order[i]]
        )
        for number, half in enumerate("AB")
    }


def _consecutive(images: tuple[AnnotatedImage, ...]) -> list[list[AnnotatedImage]]:
    groups: list[list[AnnotatedImage]] = []
    for image in sorted(images, key=lambda image: int(image.path.stem)):
        follows = groups and int(image.path.stem) - int(groups[-1][-1].path.stem) == 1
        if follows and len(groups[-1]) < LARGEST_GROUP:
            groups[-1].append(image)
        else:
            groups.append([image])
    return groups


def _count(images: list[AnnotatedImage], n_classes: int) -> np.ndarray:
    labels = np.concatenate([image.labels for image in images])
    return np.bincount(labels, minlength=n_classes)


if __name__ == "__main__":
    main()
