"""Keep frames with cyclists of a source aside from training, so that the class can be measured.

    python -m tools.base.keep_aside runs/data/kitti-more
    python -m tools.base.keep_aside runs/data/bdd-more --share 0.5 --drives

BDD's validation part has 16 cyclists and KITTI's 82: too few to say much. Frames that look alike
are kept aside together, since frames of one drive resemble each other, unless each is of a drive
of its own (`--drives`). Marked are the images in the source's `annotations.json` (`split`: `val`),
so training leaves them out from then on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from drivemeta.core import SUPER_CLASSES
from drivemeta.data.readers.files import read_image
from drivemeta.files import write_text
from drivemeta.training.base.sources import SourceImage, load_source
from tools.base.kitti_more import LEAST_DISTANCE, dhash

CYCLIST = SUPER_CLASSES.index("cyclist")


def main() -> None:
    """Mark the frames of each source that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of sources")
    parser.add_argument("--share", type=float, default=1 / 3, help="share of the cyclists")
    parser.add_argument("--drives", action="store_true", help="each frame is a drive of its own")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for folder in arguments.folders:
        images = load_source(folder.parent, folder.name)
        boxes = np.array([(~i.ignore & (i.labels == CYCLIST)).sum() for i in images])
        group = np.arange(len(images)) if arguments.drives else groups_of(images)
        aside = kept_aside(group, boxes, arguments.share, arguments.seed)
        mark(folder / "annotations.json", {images[i].path.name for i in np.flatnonzero(aside)})
        print(f"{folder.name}: {aside.sum()} frames with {boxes[aside].sum()} of {boxes.sum()}")


def groups_of(images: Sequence[SourceImage]) -> NDArray[np.int64]:
    """Return (n,) the group of each image; looking alike joins two groups."""
    looks = np.stack([dhash(read_image(i.path)) for i in track(images, "looking")])
    group = np.arange(len(looks))
    for i, look in enumerate(looks):
        near = np.unique(group[(looks != look).sum(1) < LEAST_DISTANCE])
        group[np.isin(group, near)] = group[i]
    return group


def kept_aside(
    group: NDArray[np.int64], boxes: NDArray[np.int64], share: float, seed: int
) -> NDArray[np.bool_]:
    """Return (n,) which frames are kept aside: whole groups, until a share of the boxes is.

    Args:
        group: (n,) int64 groups of frames.
        boxes: (n,) int64 boxes of cyclists in each.
        share: Share of the boxes.
        seed: Of the order in which groups are taken.
    """
    aside = np.zeros(len(group), np.bool_)
    for name in np.random.default_rng(seed).permutation(np.unique(group[boxes > 0])):
        if boxes[aside].sum() >= share * boxes.sum():
            break
        aside |= group == name
    return aside


def mark(path: Path, names: set[str]) -> None:
    """Write the split `val` into the images of those names, `train` into the others."""
    found = json.loads(path.read_text())
    for image in found["images"]:
        image["split"] = "val" if Path(image["file_name"]).name in names else "train"
    write_text(path, json.dumps(found))


if __name__ == "__main__":
    main()
