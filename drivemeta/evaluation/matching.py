"""Which detections hit, by COCO's rules at one IoU, and the average precision that follows.

The library in `detection.py` gives the published figures. This gives the same AP at one IoU (a
test holds them equal) with a weight an image, as the bootstrap needs, and the hits themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray, box_area, iou_matrix

MISS, HIT, IGNORED = 0, 1, -1
MOST_PER_IMAGE = 100
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False)
class Matches:
    """The detections of one class over many images, best score first.

    Attributes:
        images: (n,) int64, the image each detection was made in.
        scores: (n,) float32.
        outcomes: (n,) int64, `HIT`, `MISS` or `IGNORED`.
        n_truth: (n_images,) int64, boxes to be found in each image.
    """

    images: NDArray[np.int64]
    scores: FloatArray
    outcomes: NDArray[np.int64]
    n_truth: NDArray[np.int64]

    @classmethod
    def collect(
        cls, outcomes: Sequence[tuple[FloatArray, NDArray[np.int64]]], n_truth: Sequence[int]
    ) -> Matches:
        """Join the sorted (scores, outcomes) of each image."""
        sizes = [len(scores) for scores, _ in outcomes]
        images = np.repeat(np.arange(len(outcomes)), sizes)
        scores = np.concatenate([s for s, _ in outcomes] or [np.zeros(0, np.float32)])
        hits = np.concatenate([h for _, h in outcomes] or [np.zeros(0, np.int64)])
        order = np.argsort(-scores, kind="stable")
        counts = np.asarray(n_truth, np.int64)
        return cls(images[order], scores[order], hits[order], counts)

    def average_precision(self, weights: NDArray[np.float64] | None = None) -> float:
        """Return the AP, interpolated at 101 recalls; NaN if nothing is to be found.

        Args:
            weights: (n_images,) how often each image counts, once if None.
        """
        if weights is None:
            weights = np.ones(len(self.n_truth))
        n_truth = float(weights @ self.n_truth)
        if n_truth == 0:
            return float("nan")
        counted = (self.outcomes != IGNORED) & (weights[self.images] > 0)
        weight, hit = weights[self.images[counted]], self.outcomes[counted] == HIT
        hits = np.cumsum(weight * hit)
        recall = hits / n_truth
        precision = hits / np.cumsum(weight)
        envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        return float(envelope[np.searchsorted(recall, _RECALLS)].mean())


def match(
    boxes: FloatArray,
    scores: FloatArray,
    truth: FloatArray,
    ignore: NDArray[np.bool_],
    iou: float = 0.5,
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Match detections of one class and image to the boxes to be found, best score first.

    Args:
        boxes: (n, 4) float32 xyxy; the best 100 count.
        scores: (n,) float32.
        truth: (m, 4) float32 xyxy.
        ignore: (m,) bool; a detection of which a share of `iou` lies in such a region counts
            neither way, unless it hits a box.
        iou: Least overlap of a hit.

    Returns:
        (k,) scores and (k,) outcomes (`HIT`, `MISS`, `IGNORED`), best score first.
    """
    order = np.argsort(-scores, kind="stable")[:MOST_PER_IMAGE]
    boxes, scores = boxes[order], scores[order]
    overlaps = iou_matrix(boxes, truth[~ignore])
    in_ignored = (_covered(boxes, truth[ignore]) >= iou).any(axis=1)
    outcomes = np.where(in_ignored, IGNORED, MISS).astype(np.int64)
    if not overlaps.size:
        return scores, outcomes
    free = np.ones(overlaps.shape[1], np.bool_)
    for i in range(len(boxes)):
        candidates = np.where(free, overlaps[i], -1.0)
        best = int(np.argmax(candidates))
        if candidates[best] >= iou:
            free[best] = False
            outcomes[i] = HIT
    return scores, outcomes


def _covered(boxes: FloatArray, regions: FloatArray) -> FloatArray:
    """Return the (n, m) share of each box that lies in each region."""
    low = np.maximum(boxes[:, None, :2], regions[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    share: FloatArray = shared / np.maximum(box_area(boxes), 1e-9)[:, None]
    return share
