"""Support frames held out in turn: what is found in each by all that was learnt without it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.adapt import learn_rows
from drivemeta.adaptation.adapted import AdaptationRecord, Adapted
from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import decide, locate
from drivemeta.evaluation.matching import match
from drivemeta.models.crops import to_tensor
from drivemeta.models.traced.proposals import to_input

MIN_SCORE = 0.001
Found: TypeAlias = tuple[FloatArray, FloatArray, NDArray[np.int64]]
HeldFrames: TypeAlias = dict[int, Found]
"""Boxes, scores and labels that are found in each held-out frame, by its number."""


def hold_frames_out(adapted: Adapted, at_most: int | None = None) -> HeldFrames:
    """Learn again without one frame at a time, and return what is found in it.

    A frame without which a class has no box is passed over. Empty where no frame can be held out,
    and for plain crops.

    Args:
        adapted: What was learnt.
        at_most: Greatest number of frames, evenly chosen; None for all.
    """
    record, found = adapted.record, {}
    if record.support.of_crops:
        return {}
    evidence, n_classes = record.evidence, len(record.support.classes)
    frames = [
        frame
        for frame in np.unique(evidence.boxes.frames).tolist()
        if len(np.unique(evidence.boxes.labels[evidence.boxes.frames != frame])) == n_classes
    ]
    if at_most is not None and len(frames) > at_most:
        frames = [frames[i] for i in np.linspace(0, len(frames) - 1, at_most).round().astype(int)]
    for frame in frames:
        rest = evidence.without_frame(frame)
        bank = learn_rows(record.base, record.rows, rest, record.parents)
        found[frame] = _detect(record, bank, evidence.frames[frame][0])
    return found


def outcomes_of(
    adapted: Adapted, held: HeldFrames, label: int
) -> tuple[list[tuple[FloatArray, NDArray[np.int64]]], list[int]]:
    """Return (scores, outcomes) and number of boxes of a class in each held-out frame.

    What is found and not annotated counts as wrong; boxes of other classes that are to be ignored
    do not.

    Args:
        adapted: What was learnt.
        held: What is found, see `hold_frames_out`.
        label: Class of the support set.
    """
    support = adapted.record.support
    # Classes are appended in one order in every fold.
    index = adapted.detector.bank.index(support.classes[label])
    outcomes, n_truth = [], []
    for frame, (boxes, scores, labels) in held.items():
        image, own = support.images[frame], labels == index
        relevant = image.ignore | (image.labels == label)
        truth, ignore = image.boxes[relevant], image.ignore[relevant]
        outcomes.append(match(boxes[own], scores[own], truth, ignore))
        n_truth.append(int((~ignore).sum()))
    return outcomes, n_truth


def _detect(record: AdaptationRecord, bank: ClassBank, image: NDArray[np.uint8]) -> Found:
    """Return boxes, scores and labels that the networks and a bank find in a frame."""
    base, networks = record.base, record.evidence.networks
    frame = to_tensor(image)
    inputs, _ = to_input(frame, base.input_size)
    size = (image.shape[0], image.shape[1])
    located = locate(networks.dense(inputs), bank, base.scoring, size, base.input_size)

    def embed(boxes: FloatArray, *, things: bool) -> FloatArray:
        crops = base.crops(frame, frame.new_tensor(boxes), things=things)
        return networks.embed(crops, things=things)

    thresholds = np.full(len(bank.classes), MIN_SCORE, np.float32)
    return decide(located, embed, bank, base.scoring, thresholds)
