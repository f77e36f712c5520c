"""Draw the places that ship for extending classes, from BDD training frames.

    python -m tools.base.level1_places [--scenes ../shared/data/scenes] [--images 100]

All objects of the five super-classes are annotated there, so that what a place shows is known.
Half of the places are background, the others are shared by the super-classes alike. The better its
quality, the likelier a place is drawn: one of none is never reported.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.base_places import BACKGROUND, write_places
from drivemeta.core.boxes import FloatArray, iou_matrix
from drivemeta.core.score_rule import sigmoid
from drivemeta.core.super_classes import SUPER_CLASSES
from drivemeta.data.readers.files import read_image
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.store import load_base
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.models.traced.proposals import to_input
from drivemeta.paths import BASE_PLACES
from drivemeta.training.base.sources import SourceImage, load_source

AWAY_IOU, SAME_IOU = 0.1, 0.3
NEITHER = -2


def main() -> None:
    """Write the file that ships."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--places", type=int, default=4096)
    parser.add_argument("--out", type=Path, default=BASE_PLACES)
    arguments = parser.parse_args()
    base, random = load_base(), np.random.default_rng(0)
    images = load_source(arguments.scenes, "bdd", "train")
    chosen = [images[i] for i in random.permutation(len(images))[: arguments.images]]
    parts = zip(*places(base, chosen), strict=True)
    embeddings, quality, labels = (np.concatenate(part) for part in parts)
    drawn = draw(quality, labels, arguments.places, random)
    write_places(
        arguments.out,
        base.level1,
        SUPER_CLASSES,
        embeddings[drawn],
        quality[drawn],
        labels[drawn],
    )
    counts = np.bincount(labels[drawn] - BACKGROUND, minlength=1 + len(SUPER_CLASSES)).tolist()
    print(dict(zip(("background", *SUPER_CLASSES), counts, strict=True)))
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB")


def places(
    base: TwoLevelDetector, images: list[SourceImage]
) -> Iterator[tuple[FloatArray, FloatArray, NDArray[np.int64]]]:
    """Yield embeddings, quality and labels of the places of each image that could be reported."""
    networks, least = FixedNetworks(base), float(base.bank.thresholds.min()) ** 2
    for image in images:
        inputs, letterbox = to_input(to_tensor(read_image(image.path)), base.input_size)
        dense = networks.dense(inputs)
        labels = shown(letterbox.to_frame(dense.boxes), image)
        kept = (sigmoid(dense.quality) >= least) & (labels != NEITHER)
        yield dense.embeddings[kept], dense.quality[kept], labels[kept]


def draw(
    quality: FloatArray, labels: NDArray[np.int64], n_places: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return the indices of at most so many places, by their (n,) quality and labels."""
    drawn = []
    for label in range(BACKGROUND, len(SUPER_CLASSES)):
        own = np.flatnonzero(labels == label)
        share = n_places // 2 if label == BACKGROUND else n_places // 2 // len(SUPER_CLASSES)
        weights = sigmoid(quality[own]).astype(np.float64) ** 2
        p = weights / weights.sum()
        drawn.append(random.choice(own, min(share, len(own)), replace=False, p=p))
    return np.concatenate(drawn)


def shown(boxes: FloatArray, image: SourceImage) -> NDArray[np.int64]:
    """Return the super-class that each of (n, 4) boxes shows, `BACKGROUND`, or `NEITHER`."""
    overlaps = iou_matrix(boxes, image.boxes)
    best = overlaps.max(1, initial=0)
    labels = np.where(best < AWAY_IOU, BACKGROUND, NEITHER)
    same = best >= SAME_IOU
    if same.any():
        which = overlaps[same].argmax(1)
        labels[same] = np.where(image.ignore[which], NEITHER, image.labels[which])
    return labels.astype(np.int64)


if __name__ == "__main__":
    main()
