"""Support frames held out in turn: what is found in each by all that was learnt without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.branch_learning import RowLearning
from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.row_learning import learn_rows
from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import decide
from drivemeta.data.support import SupportSet
from drivemeta.evaluation.matching import match
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.proposals import propose

MIN_SCORE = 0.001
MOST_FRAMES = 8
Found: TypeAlias = tuple[FloatArray, FloatArray, NDArray[np.int64]]
HeldFrames: TypeAlias = Mapping[int, Found]
"""Boxes, scores and labels that are found in each held-out frame, by its number."""


def hold_frames_out(
    learning: RowLearning,
    parents: Sequence[str | None],
    *,
    at_most: int | None = MOST_FRAMES,
) -> HeldFrames:
    """Learn again without one frame at a time, and return what is found in it.

    A frame without which a class has no box is passed over. Empty where no frame can be held out,
    and for plain crops.

    Args:
        learning: Detector before, learner, and what is seen in the support frames.
        parents: Super-class below which level 2 knows each class.
        at_most: Greatest number of frames, evenly chosen; None for all.
    """
    evidence, found = learning.evidence, {}
    if evidence.of_crops:
        return {}
    for frame in _chosen(evidence, at_most):
        part = learning
        if learning.again is not None:
            part = learning.again(np.flatnonzero(evidence.boxes.frames == frame))
        rest = part.evidence.without_frame(frame)
        bank = learn_rows(part.base, part.learner, rest, parents)
        found[frame] = _detect(part.base, part.evidence, bank, evidence.frames[frame][0])
    return found


def _chosen(evidence: Evidence, at_most: int | None) -> list[int]:
    """Return the frames without which every class still has a box."""
    labels, of = evidence.boxes.labels, evidence.boxes.frames
    n_classes = len(evidence.labelled.names)
    frames = [
        frame
        for frame in np.unique(of).tolist()
        if len(np.unique(labels[of != frame])) == n_classes
    ]
    if at_most is None or len(frames) <= at_most:
        return frames
    return [frames[i] for i in np.linspace(0, len(frames) - 1, at_most).round().astype(int)]


def outcomes_of(
    support: SupportSet, bank: ClassBank, held: HeldFrames, label: int
) -> tuple[list[tuple[FloatArray, NDArray[np.int64]]], list[int]]:
    """Return (scores, outcomes) and number of boxes of a class in each held-out frame.

    What is found and not annotated counts as wrong; boxes that are to be ignored do not.

    Args:
        support: What the classes were learnt from.
        bank: Class bank with the new classes, which have the same labels in every fold.
        held: What is found, see `hold_frames_out`.
        label: Class of the support set.
    """
    index = bank.index(support.classes[label])
    outcomes, n_truth = [], []
    for frame, (boxes, scores, labels) in held.items():
        image, own = support.images[frame], labels == index
        relevant = image.ignore | (image.labels == label)
        truth, ignore = image.boxes[relevant], image.ignore[relevant]
        outcomes.append(match(boxes[own], scores[own], truth, ignore))
        n_truth.append(int((~ignore).sum()))
    return outcomes, n_truth


def _detect(
    base: TwoLevelDetector, evidence: Evidence, bank: ClassBank, image: NDArray[np.uint8]
) -> Found:
    """Return boxes, scores and labels that the networks and a bank find in a frame."""
    frame, networks = to_tensor(image), evidence.networks
    located = propose(base.with_(bank=bank), image, 0.0, networks)

    def embed(boxes: FloatArray, *, things: bool) -> FloatArray:
        crops = base.crops(frame, frame.new_tensor(boxes), things=things)
        return networks.embed(crops, things=things)

    thresholds = np.full(len(bank.classes), MIN_SCORE, np.float32)
    return decide(located, embed, bank, base.scoring, thresholds)
