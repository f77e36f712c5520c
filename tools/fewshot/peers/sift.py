"""SIFT keypoints of the shots matched to those of level 1's boxes, by OpenCV.

After Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", 2004, section 7: a keypoint
votes for the class of its nearest support keypoint if that is clearly nearer than the nearest of
any other class. Things that level 1 proposes beside the shots are one more class.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.core import BankRows, ClassBank, ClassSpec, Detections
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import N_CROPS
from drivemeta.data.readers.files import read_image
from drivemeta.data.support import SupportSet
from drivemeta.evaluation.classes import ClassTree
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.proposals import propose
from tools.fewshot.peers.interface import Finder
from tools.fewshot.peers.naming import apart
from tools.fewshot.scenes import Scenes

SIDE = 128
MOST_NEGATIVES = 400


class SiftMatching:
    """Names boxes by votes of their keypoints.

    Args:
        ratio: Ratio of the distances to the nearest class and the next, below which a keypoint
            votes.
        doubt: Votes that every box has for "none of these"; both first guesses, not tuned.
    """

    name = "SIFT matching"
    summary = "level 1's boxes named by the votes of their SIFT keypoints (OpenCV)"
    slow = False

    def __init__(self, ratio: float = 0.9, doubt: float = 2.0) -> None:
        self.parameters: dict[str, Any] = {"ratio": ratio, "doubt": doubt, "version": 1}
        self._ratio, self._doubt = ratio, doubt

    def learn(self, detector: TwoLevelDetector, support: SupportSet, parent: str) -> Finder:
        """Collect the keypoints of all shots and of what else is proposed beside them."""
        keypoints: list[list[FloatArray]] = [[] for _ in range(len(support.classes) + 1)]
        for item in support.images:
            image = read_image(item.path)
            for box, label, ignore in zip(item.boxes, item.labels, item.ignore, strict=True):
                if not ignore:
                    keypoints[label].append(describe(image, box, detector.scoring.context))
            found = propose(detector, image)
            rest = found.boxes[apart(found.boxes, item.boxes)][:8]
            keypoints[-1] += [describe(image, box, detector.scoring.context) for box in rest]
        keypoints[-1] = keypoints[-1][:MOST_NEGATIVES]
        none = np.zeros((0, 128), np.float32)
        by_class = [np.concatenate([none, *found]) for found in keypoints]
        votes = (self._ratio, self._doubt)
        return SiftFinder(detector, support.classes, parent, by_class, votes)


class SiftFinder:
    """Names level 1's boxes below one super-class by votes."""

    def __init__(
        self,
        detector: TwoLevelDetector,
        names: tuple[str, ...],
        parent: str,
        by_class: list[FloatArray],
        votes: tuple[float, float],
    ) -> None:
        supers = tuple(spec for spec in detector.bank.classes if spec.parent is None)
        novel = tuple(ClassSpec(name, parent, "novel") for name in names)
        none = BankRows.empty(1)
        self._detector = detector
        self._bank = ClassBank(supers + novel, detector.bank.dense, none)
        self._root, self._first = detector.bank.index(parent), len(supers)
        self._keypoints = np.concatenate(by_class)
        self._starts = np.cumsum([0, *(len(found) for found in by_class)])
        self._ratio, self._doubt = votes

    @property
    def tree(self) -> ClassTree:
        """Return the super-classes and the classes learnt."""
        return ClassTree.of(self._bank.classes)

    def detect(self, scenes: Scenes, index: int) -> Detections:
        """Return what is found in one image."""
        located = scenes.locate(self._bank, index)
        scores, labels = located.scores.copy(), located.labels.copy()
        scoring = self._detector.scoring
        chosen = np.flatnonzero(located.roots == self._root)[:N_CROPS]
        described = _described(scenes.paths[index], located.boxes[chosen], scoring.context)
        for i, keypoints in zip(chosen, described, strict=True):
            shares = self._votes(keypoints)
            best = int(shares.argmax())
            if shares[best] >= scoring.leaf_floor:
                labels[i] = self._first + best
                scores[i] *= shares[best] ** scoring.crop_power
        order = np.argsort(-scores, kind="stable")
        names = tuple(spec.name for spec in self._bank.classes)
        return Detections(located.boxes[order], scores[order], labels[order], names)

    def _votes(self, keypoints: FloatArray) -> FloatArray:
        """Return the (n_way,) shares of the votes of one box's (n, 128) keypoints."""
        n_way = len(self._starts) - 2
        if not len(keypoints):
            return np.zeros(n_way, np.float32)
        cosines = keypoints @ self._keypoints.T  # descriptors have length 1
        nearest = np.full((len(keypoints), n_way + 1), np.inf, np.float32)
        known = np.flatnonzero(np.diff(self._starts))  # classes whose shots have any keypoint
        best = np.maximum.reduceat(cosines, self._starts[known], axis=1)
        nearest[:, known] = np.sqrt(np.maximum(2 - 2 * best, 0))
        order = np.sort(nearest, axis=1)
        clear = order[:, 0] < self._ratio * order[:, 1]
        votes = np.bincount(nearest.argmin(1)[clear], minlength=n_way + 1)
        return np.asarray(votes[:n_way] / (votes.sum() + self._doubt), np.float32)


def describe(image: NDArray[np.uint8], box: FloatArray, context: float) -> FloatArray:
    """Return the (n, 128) SIFT descriptors, of length 1, of a box in a BGR image."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * context
    scale = SIDE / np.maximum(2 * half, 1)
    shift = SIDE / 2 - scale * centre
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], np.float64)
    crop = cv2.warpAffine(
        image, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    _, found = cv2.SIFT.create(contrastThreshold=0.02).detectAndCompute(grey, None)
    if found is None:
        return np.zeros((0, 128), np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(lengths, 1e-6), np.float32)


_KNOWN: dict[tuple[Path, bytes], FloatArray] = {}


def _described(path: Path, boxes: FloatArray, context: float) -> list[FloatArray]:
    """Return the descriptors of each box in an image file, computed once."""
    missing = [box for box in boxes if (path, box.tobytes()) not in _KNOWN]
    if missing:
        image = read_image(path)
        for box in missing:
            _KNOWN[path, box.tobytes()] = describe(image, box, context)
    return [_KNOWN[path, box.tobytes()] for box in boxes]
