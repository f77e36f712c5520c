"""What a support set is worth: boxes that disagree, classes that look alike, objects not found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from drivemeta.adaptation.adapted import Adapted
from drivemeta.adaptation.held_out import SOMETHING_ELSE
from drivemeta.adaptation.report.likeness import Likeness, likeness_of
from drivemeta.banks.named import BACKGROUND


@dataclass(frozen=True)
class Shot:
    """One support box.

    Attributes:
        name: Name of its class.
        image: File name of its image.
        entry: Place in the annotations.
        width: Width in pixels of its image.
        height: Height in pixels of its image.
        found: Whether the base proposes it; None of a crop, which has no scene.
        held_out: Whether it was judged by rows that were learnt without it.
        named: Name that level 2 gives it: a class, its super-class where none is near enough, or
            `background`.
        score: Final score as its own class.
        passes: Whether the score reaches the threshold.
    """

    name: str
    image: str
    entry: str
    width: float
    height: float
    found: bool | None
    held_out: bool
    named: str
    score: float
    passes: bool

    @property
    def disagrees(self) -> bool:
        """Whether it is named as something else than it is annotated."""
        return self.named != self.name


@dataclass(frozen=True)
class SupportDiagnosis:
    """What is to be said of a support set.

    Attributes:
        shots: Every support box.
        likeness: Likeness of each new class to every other new one, and to the nearest others.
    """

    shots: tuple[Shot, ...]
    likeness: tuple[Likeness, ...]

    @property
    def disagreeing(self) -> tuple[Shot, ...]:
        """The boxes that are named as something else."""
        return tuple(shot for shot in self.shots if shot.disagrees)

    @property
    def missed(self) -> tuple[Shot, ...]:
        """The boxes that level 1 does not find."""
        return tuple(shot for shot in self.shots if shot.found is False)

    @property
    def alike(self) -> tuple[Likeness, ...]:
        """The pairs that are likely to be taken for each other, each once."""
        return tuple(
            pair
            for pair in self.likeness
            if pair.is_close and not (pair.kind == "new" and pair.name > pair.other)
        )

    def to_json(self) -> dict[str, Any]:
        """Return what the report holds of it."""
        return {
            "shots": [asdict(shot) for shot in self.shots],
            "likeness": [asdict(pair) for pair in self.likeness],
            "disagreeing": [shot.entry for shot in self.disagreeing],
            "missed": [shot.entry for shot in self.missed],
        }


def diagnose_support(adapted: Adapted) -> SupportDiagnosis:
    """Say what is to be said of the support set; nothing is computed anew."""
    return SupportDiagnosis(tuple(_shots(adapted)), tuple(likeness_of(adapted.record)))


def _shots(adapted: Adapted) -> Iterator[Shot]:
    support, held, bank = adapted.record.support, adapted.record.held, adapted.detector.bank
    classes, scores = support.classes, adapted.record.evidence.boxes.found
    box = 0
    for image in support.images:
        for row in np.flatnonzero(~image.ignore):
            width, height = (image.boxes[row, 2:] - image.boxes[row, :2]).tolist()
            name, label = classes[image.labels[row]], int(held.labels[box])
            score = float(held.scores[box])
            yield Shot(
                name=name,
                image=image.path.name,
                entry=image.entries[row],
                width=round(width, 1),
                height=round(height, 1),
                found=None if support.of_crops else bool(scores[box] > 0),
                held_out=bool(held.spared[box]),
                named=BACKGROUND if label == SOMETHING_ELSE else bank.names[label],
                score=round(score, 4),
                passes=score >= bank.classes[bank.index(name)].threshold,
            )
            box += 1
