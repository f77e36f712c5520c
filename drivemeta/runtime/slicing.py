"""Looking at parts of a frame: one region, or overlapping tiles for what is small and far.

Slicing after Akyon, Altinuc, Temizel, "Slicing Aided Hyper Inference and Fine-tuning for Small
Object Detection", 2022, arXiv 2202.06934; merged within each class by non-maximum suppression or by
weighted box fusion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.core.boxes import iou_matrix
from drivemeta.errors import InputError, suggest
from drivemeta.runtime.fusion import fuse

Image = NDArray[np.uint8]
Detect = Callable[[Sequence[Image]], list[Detections]]
Region = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels

OVERLAP = 0.2
MOST_TILES = 64  # each is one more run of the network for every frame
SAME = 0.5  # IoU from which two boxes of a class are one object
Merging = Literal["nms", "wbf"]
MERGING: tuple[Merging, ...] = get_args(Merging)
EDGE = 2.0  # pixels: a box as near to an inner edge of its tile is cut off by it


class Sliced:
    """Detects in the whole frame and in overlapping tiles of it, all in one batch.

    Args:
        detect: Function from frames of uint8 BGR to their detections.
        tiles: Rows and columns.
        overlap: Overlap of neighbouring tiles, as a part of a tile's side.
        merging: `nms` keeps an object's best box, `wbf` takes the mean of its boxes.

    Raises:
        InputError: there is no tile or too many, the overlap is not in [0, 1), or the merging is
            unknown.
    """

    def __init__(
        self,
        detect: Detect,
        tiles: tuple[int, int],
        overlap: float = OVERLAP,
        merging: Merging = "nms",
    ) -> None:
        if min(tiles) < 1:
            raise InputError(f"tiles: expected 1 or more rows and columns, found {tiles}")
        if tiles[0] * tiles[1] > MOST_TILES:
            raise InputError(
                f"tiles: expected at most {MOST_TILES}, each being one more run of the network for "
                f"every frame, found {tiles[0]}x{tiles[1]}; 2x2 or 3x3 find what is far"
            )
        if not 0 <= overlap < 1:
            raise InputError(f"overlap: expected a value in [0, 1), found {overlap}")
        self._detect, self._tiles, self._overlap = detect, tiles, overlap
        self._merging = merging_of(merging)

    def __call__(self, frames: Sequence[Image]) -> list[Detections]:
        """Detect in frames, (height, width, 3) uint8 BGR; boxes in pixels of each frame."""
        regions = [tile_regions(frame.shape[:2], self._tiles, self._overlap) for frame in frames]
        views: list[Image] = []
        for frame, tiles in zip(frames, regions, strict=True):
            views += [frame, *(cut(frame, tile) for tile in tiles)]
        found = iter(self._detect(views))
        merged = []
        for frame, tiles in zip(frames, regions, strict=True):
            parts = [next(found)]
            parts += [_whole_in(next(found), tile, frame.shape[:2]) for tile in tiles]
            merged.append(merge(parts, self._merging))
        return merged


def merging_of(name: str) -> Merging:
    """Return a way of merging by its name.

    Raises:
        InputError: there is none of that name; suggests the nearest.
    """
    for known in MERGING:
        if name == known:
            return known
    raise InputError(f"--tile-merge: {suggest(name, MERGING)}, found {name!r}")


def tile_regions(
    size: tuple[int, ...], tiles: tuple[int, int], overlap: float = OVERLAP
) -> list[Region]:
    """Return tiles of one size that cover a frame of (height, width), row by row.

    >>> tile_regions((100, 180), (1, 2), 0.2)
    [(0, 0, 100, 100), (80, 0, 180, 100)]
    """
    rows, columns = (_spans(length, n, overlap) for length, n in zip(size, tiles, strict=True))
    return [(x1, y1, x2, y2) for y1, y2 in rows for x1, x2 in columns]


def _spans(length: int, n: int, overlap: float) -> list[tuple[int, int]]:
    side = min(length, int(np.ceil(length / (n - (n - 1) * overlap))))
    starts = [round(i * (length - side) / max(n - 1, 1)) for i in range(n)]
    return [(start, start + side) for start in starts]


def cut(frame: Image, region: Region) -> Image:
    """Return a region of a frame as an array of its own."""
    x1, y1, x2, y2 = region
    return np.ascontiguousarray(frame[y1:y2, x1:x2])


def shifted(found: Detections, x: float, y: float) -> Detections:
    """Return detections with boxes moved by pixels."""
    boxes = found.boxes + np.array([x, y, x, y], np.float32)
    return Detections(boxes, found.scores, found.labels, found.classes)


def _whole_in(found: Detections, tile: Region, size: tuple[int, ...]) -> Detections:
    """Return a tile's detections in the frame, those left out that its inner edges cut off."""
    x1, y1, x2, y2 = tile
    height, width = size
    moved = shifted(found, x1, y1)
    boxes = moved.boxes
    cut_off = (boxes[:, 0] < x1 + EDGE) & (x1 > 0) | (boxes[:, 1] < y1 + EDGE) & (y1 > 0)
    cut_off |= (boxes[:, 2] > x2 - EDGE) & (x2 < width)
    cut_off |= (boxes[:, 3] > y2 - EDGE) & (y2 < height)
    return moved[~cut_off]


def merge(parts: Sequence[Detections], merging: Merging = "nms") -> Detections:
    """Return one frame's detections of several runs, each object once, best score first."""
    if len(parts) == 1:
        return parts[0]
    boxes = np.concatenate([part.boxes for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    order = np.argsort(-scores, kind="stable")
    every = Detections(boxes[order], scores[order], labels[order], parts[0].classes)
    if merging == "wbf":
        return fuse(every, SAME)
    same = labels[order][:, None] == labels[order][None, :]
    rivals = same & (iou_matrix(every.boxes, every.boxes) >= SAME)
    kept: list[int] = []
    for row in range(len(every)):
        if not rivals[row, kept].any():
            kept.append(row)
    return every[np.array(kept, np.int64)]


def in_region(detect: Detect, roi: tuple[float, float, float, float]) -> Detect:
    """Return a detector that sees one region of each frame only; boxes stay in the frame's pixels.

    Args:
        detect: Function from frames of uint8 BGR to their detections.
        roi: Region as x1, y1, x2, y2 in pixels, or in parts of the frame where none is above 1.

    Raises:
        InputError: the region is empty, or lies outside a frame.
    """

    def within(frames: Sequence[Image]) -> list[Detections]:
        regions = [_pixels(roi, frame.shape[:2]) for frame in frames]
        found = detect([cut(f, r) for f, r in zip(frames, regions, strict=True)])
        return [shifted(d, r[0], r[1]) for d, r in zip(found, regions, strict=True)]

    if not (0 <= roi[0] < roi[2] and 0 <= roi[1] < roi[3]):
        raise InputError(f"--roi: expected 0 <= x1 < x2 and 0 <= y1 < y2, found {roi}")
    return within


def _pixels(roi: tuple[float, float, float, float], size: tuple[int, ...]) -> Region:
    height, width = size
    scale = (width, height) if max(roi) <= 1 else (1, 1)
    x1, y1 = round(roi[0] * scale[0]), round(roi[1] * scale[1])
    x2, y2 = min(round(roi[2] * scale[0]), width), min(round(roi[3] * scale[1]), height)
    if x2 <= x1 or y2 <= y1:
        raise InputError(f"--roi: {roi} lies outside a frame of {width}x{height}")
    return x1, y1, x2, y2
