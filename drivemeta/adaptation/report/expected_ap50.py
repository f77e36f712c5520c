"""Expected AP50 of the new classes: each support frame in turn is held out and scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.adapt import learn_rows
from drivemeta.adaptation.adapted import AdaptationRecord, Adapted
from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import decide
from drivemeta.evaluation.matching import Matches, match
from drivemeta.models.crops import roi_crops, to_tensor
from drivemeta.models.traced.proposals import propose

MIN_SCORE = 0.001
Found = tuple[FloatArray, FloatArray, NDArray[np.int64]]


@dataclass(frozen=True)
class ExpectedAp50:
    """An estimate of the AP50 of one class.

    Attributes:
        name: Name of the class.
        ap50: AP50, in [0, 1].
        n_boxes: Number of held-out boxes it was measured on.
        n_frames: Number of held-out frames; what is found in them and is not annotated counts as
            wrong.
    """

    name: str
    ap50: float
    n_boxes: int
    n_frames: int


def expected_ap50(adapted: Adapted) -> tuple[ExpectedAp50, ...]:
    """Estimate the AP50 of each new class by leaving one frame out at a time.

    Everything that was learnt is learnt again without the frame, and what is then found in it is
    held against its boxes. A frame without which a class has no box is passed over. Empty where no
    frame can be held out, and for plain crops.
    """
    record = adapted.record
    if record.support.of_crops:
        return ()
    evidence, names = record.evidence, record.support.classes
    found: dict[int, Found] = {}
    for frame in np.unique(evidence.boxes.frames).tolist():
        rest = evidence.without_frame(frame)
        if len(np.unique(rest.boxes.labels)) == len(names):
            bank, _ = learn_rows(record.base, record.rows, rest, record.parent)
            found[frame] = _detect(record, bank, evidence.frames[frame][0])
    scores = (_score(adapted, found, label) for label in range(len(names)))
    return tuple(score for score in scores if score is not None)


def _detect(record: AdaptationRecord, bank: ClassBank, image: NDArray[np.uint8]) -> Found:
    """Return boxes, scores and labels that the networks and a bank find in a frame."""
    base, networks = record.base, record.evidence.networks
    frame = to_tensor(image)
    located = propose(base.with_(bank=bank), image, 0.0, networks)

    def embed(boxes: FloatArray) -> FloatArray:
        return networks.embed(roi_crops(frame, frame.new_tensor(boxes), base.scoring.context))

    thresholds = np.full(len(bank.classes), MIN_SCORE, np.float32)
    return decide(located, embed, bank, base.scoring, thresholds)


def _score(adapted: Adapted, found: dict[int, Found], label: int) -> ExpectedAp50 | None:
    support = adapted.record.support
    name = support.classes[label]
    index = adapted.detector.bank.index(name)  # classes are appended in one order in every fold
    outcomes, n_truth = [], []
    for frame, (boxes, scores, labels) in found.items():
        image, own = support.images[frame], labels == index
        relevant = image.ignore | (image.labels == label)
        truth, ignore = image.boxes[relevant], image.ignore[relevant]
        outcomes.append(match(boxes[own], scores[own], truth, ignore))
        n_truth.append(int((~ignore).sum()))
    if not sum(n_truth):
        return None
    ap50 = Matches.collect(outcomes, n_truth).average_precision()
    return ExpectedAp50(name, round(ap50, 4), sum(n_truth), len(found))
