"""Whether a class that was learnt is fit for use, in a line, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from drivemeta.adaptation.adapted import Adapted
from drivemeta.adaptation.held_frames import HeldFrames, outcomes_of
from drivemeta.adaptation.report.diagnosis import SupportDiagnosis
from drivemeta.evaluation.matching import HIT, MISS

# Share of the held-out boxes that is found, and false alarms a held-out frame.
GOOD_RECALL, POOR_RECALL = 0.6, 0.34
GOOD_ALARMS, POOR_ALARMS = 0.25, 1.0
LEAST_BOXES = 3
Grade: TypeAlias = Literal["good", "doubtful", "do not use"]


@dataclass(frozen=True)
class Verdict:
    """What is to be expected of a class at its threshold.

    Attributes:
        name: Name of the class.
        grade: Whether to use it.
        why: What was seen of it, in a few words.
        advice: What to do, a sentence each.
        n_boxes: Number of boxes that were held out.
        n_found: How many of them are found.
        n_false_alarms: Number of other things in the same frames that are reported as the class;
            None where no scene could be held out.
        n_frames: Number of these frames.
    """

    name: str
    grade: Grade
    why: str
    advice: tuple[str, ...]
    n_boxes: int
    n_found: int
    n_false_alarms: int | None
    n_frames: int

    @property
    def line(self) -> str:
        """The verdict in one line, without the name."""
        return "; ".join([f"{self.grade}: {self.why}", *self.advice])


def verdicts(
    adapted: Adapted, diagnosis: SupportDiagnosis, held: HeldFrames
) -> tuple[Verdict, ...]:
    """Judge every class that was learnt.

    Args:
        adapted: What was learnt.
        diagnosis: What is to be said of the support set.
        held: What is found in frames that were held out, see `hold_frames_out`.
    """
    names = adapted.record.support.classes
    return tuple(_verdict(adapted, diagnosis, held, label) for label in range(len(names)))


def _verdict(
    adapted: Adapted, diagnosis: SupportDiagnosis, held: HeldFrames, label: int
) -> Verdict:
    support, bank = adapted.record.support, adapted.detector.bank
    name = support.classes[label]
    outcomes, n_truth = outcomes_of(support, bank, held, label)
    threshold = bank.classes[bank.index(name)].threshold
    reported = [kinds[scores >= threshold] for scores, kinds in outcomes]
    n_found = sum(int((kinds == HIT).sum()) for kinds in reported)
    n_wrong = sum(int((kinds == MISS).sum()) for kinds in reported)
    n_boxes, n_frames, alarms = sum(n_truth), len(held), n_wrong if held else None
    if not n_boxes:
        shots = [shot for shot in diagnosis.shots if shot.name == name and shot.held_out]
        n_boxes, n_found = len(shots), sum(shot.passes for shot in shots)
    grade = _grade(n_boxes, n_found, alarms, n_frames)
    why = _why(n_boxes, n_found, alarms, n_frames)
    advice = () if grade == "good" else tuple(_advice(adapted, diagnosis, label, n_boxes, alarms))
    return Verdict(name, grade, why, advice, n_boxes, n_found, alarms, n_frames)


def _grade(n_boxes: int, n_found: int, alarms: int | None, n_frames: int) -> Grade:
    if not n_boxes:
        return "doubtful"
    recall, rate = n_found / n_boxes, (alarms or 0) / max(n_frames, 1)
    if recall < POOR_RECALL or rate > POOR_ALARMS:
        return "do not use"
    sure = n_boxes >= LEAST_BOXES and alarms is not None
    return "good" if sure and recall >= GOOD_RECALL and rate <= GOOD_ALARMS else "doubtful"


def _why(n_boxes: int, n_found: int, alarms: int | None, n_frames: int) -> str:
    if not n_boxes:
        return "no box could be held out, so nothing tells how it does on new frames"
    found = f"{n_found} of {n_boxes} held-out boxes found"
    if alarms is None:
        return f"{found}, by their look alone, as no scene could be held out"
    return f"{found}, {alarms} false alarms in {n_frames} held-out frames"


def _advice(
    adapted: Adapted, diagnosis: SupportDiagnosis, label: int, n_boxes: int, alarms: int | None
) -> Iterator[str]:
    name = adapted.record.support.classes[label]
    evidence, row = adapted.record.evidence, adapted.classes[label]
    if n_boxes < LEAST_BOXES:
        yield "annotate boxes in further frames"
    missed = [shot for shot in diagnosis.missed if shot.name == name]
    if row.parent is not None and 2 * len(missed) > row.shots:
        small = np.median([min(shot.width, shot.height) for shot in missed])
        yield (
            f"level 1 proposes only {row.shots - len(missed)} of its {row.shots} boxes (median "
            f"side of the others {small:.0f} pixels): annotate nearer ones, or try --parent none"
        )
    like = [pair for pair in diagnosis.alike if name in (pair.name, pair.other)]
    if like:
        pair = like[0]
        other = pair.other if pair.name == name else pair.name
        yield f"it looks like {other}: annotate both, or see whether they are one class"
    if alarms and not evidence.negatives.sure.any():
        yield "show frames without it by --negatives"
