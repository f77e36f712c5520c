"""Expected AP50 of the new classes, from the support frames that were held out."""

from __future__ import annotations

from dataclasses import dataclass

from drivemeta.adaptation.adapted import Adapted
from drivemeta.adaptation.held_frames import HeldFrames, outcomes_of
from drivemeta.evaluation.matching import Matches


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


def expected_ap50(adapted: Adapted, held: HeldFrames) -> tuple[ExpectedAp50, ...]:
    """Estimate the AP50 of each new class by what is found in frames that were held out.

    Args:
        adapted: What was learnt.
        held: What is found, see `hold_frames_out`.
    """
    names = adapted.record.support.classes
    scores = (_score(adapted, held, label, name) for label, name in enumerate(names))
    return tuple(score for score in scores if score is not None)


def _score(adapted: Adapted, held: HeldFrames, label: int, name: str) -> ExpectedAp50 | None:
    support, bank = adapted.record.support, adapted.detector.bank
    outcomes, n_truth = outcomes_of(support, bank, held, label)
    if not sum(n_truth):
        return None
    ap50 = Matches.collect(outcomes, n_truth).average_precision()
    return ExpectedAp50(name, round(ap50, 4), sum(n_truth), len(held))
