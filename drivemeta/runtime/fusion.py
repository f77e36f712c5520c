"""Weighted box fusion: boxes of one object become their mean, where suppression keeps one.

Paper: Solovyev, Wang, Gabruseva, "Weighted boxes fusion: Ensembling boxes from different object
detection models", 2019, arXiv 1910.13302. Here each run covers a part of the frame only, so a
cluster's score is that of its best box: what one run alone could see is not held against it.
"""

from __future__ import annotations

import numpy as np

from drivemeta.core import Detections
from drivemeta.core.boxes import iou_matrix


def fuse(found: Detections, same: float) -> Detections:
    """Return detections with those of one object fused, best score first.

    Args:
        found: Detections of one frame by several runs; sorted by score, the best first.
        same: IoU from which two boxes of a class are one object.
    """
    clusters: list[list[int]] = []
    fused = np.empty((0, 4), np.float32)
    labels: list[int] = []
    for row in range(len(found)):
        of_class = np.array(labels, np.int64) == found.labels[row]
        overlaps = np.where(of_class, iou_matrix(found.boxes[row : row + 1], fused)[0], 0.0)
        if len(clusters) and overlaps.max() >= same:
            best = int(overlaps.argmax())
            clusters[best].append(row)
            fused[best] = _mean(found, clusters[best])
        else:
            clusters.append([row])
            labels.append(int(found.labels[row]))
            fused = np.concatenate([fused, found.boxes[row : row + 1]])
    first = np.array([cluster[0] for cluster in clusters], np.int64)
    return Detections(fused, found.scores[first], found.labels[first], found.classes)


def _mean(found: Detections, rows: list[int]) -> np.ndarray:
    weights = found.scores[rows, None].astype(np.float64)
    return np.asarray((weights * found.boxes[rows]).sum(0) / weights.sum(), np.float32)
