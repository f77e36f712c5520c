"""What a support set is worth: boxes that disagree, classes that look alike, objects not found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from torch.nn import functional as F

from drivemeta.adaptation.adapted import AdaptationRecord, Adapted
from drivemeta.adaptation.held_out import SOMETHING_ELSE
from drivemeta.adaptation.thing_views import things_among
from drivemeta.banks.named import BACKGROUND, available_banks, load_bank
from drivemeta.core.bank import ALIKE
from drivemeta.core.boxes import FloatArray
from drivemeta.core.things import is_thing
from drivemeta.models.branch import own_dim

NEAREST = 3
Relation = Literal["new", "known", "bank"]


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
class Likeness:
    """The cosine between the mean of a class's views and the nearest row of another class.

    Attributes:
        name: New class.
        other: Class that it is like.
        kind: `new`, `known` to the detector before, or from a `bank` that ships with it.
        cosine: Cosine of the two, in [-1, 1].
    """

    name: str
    other: str
    kind: Relation
    cosine: float


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
            if pair.cosine >= ALIKE and not (pair.kind == "new" and pair.name > pair.other)
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
    return SupportDiagnosis(tuple(_shots(adapted)), tuple(_likeness(adapted.record)))


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


def _likeness(record: AdaptationRecord) -> Iterator[Likeness]:
    """Yield the likeness of signs; rows of things are discriminants, whose cosine is none."""
    task, dim = record.evidence.embedded, own_dim(record.base.level2)
    signs = np.flatnonzero(~things_among(record.parents, record.base.scoring))
    if not len(signs):
        return
    means = np.stack(
        [
            F.normalize(task.images[task.labels == label, :dim].mean(0), dim=0).numpy()
            for label in signs.tolist()
        ]
    )
    new, of = means @ means.T, [task.names[label] for label in signs]
    names, known = _known(record)
    for label, name in enumerate(of):
        for other, cosine in zip(of, new[label].tolist(), strict=True):
            if other != name:
                yield Likeness(name, other, "new", round(cosine, 4))
        best: dict[tuple[str, Relation], float] = {}
        for key, cosine in zip(names, (known @ means[label]).tolist(), strict=True):
            if key[0] != name:
                best[key] = max(cosine, best.get(key, -1.0))
        for key in sorted(best, key=lambda key: -best[key])[:NEAREST]:
            yield Likeness(name, *key, round(best[key], 4))


def _known(record: AdaptationRecord) -> tuple[list[tuple[str, Relation]], FloatArray]:
    """Return name and kind of each row of signs that was there before, and the (n, dim) rows."""
    bank, scoring = record.base.bank, record.base.scoring
    leaf = (bank.crop.owners >= 0) & ~is_thing(bank.names, scoring)[bank.crop.roots]
    leaf[leaf] = [bank.classes[o].parent is not None for o in bank.crop.owners[leaf]]
    names: list[tuple[str, Relation]]
    names = [(bank.names[owner], "known") for owner in bank.crop.owners[leaf]]
    dim = own_dim(record.base.level2)
    rows, parents = [bank.crop.weights[leaf, :dim]], set(record.parents)
    for shipped in map(load_bank, available_banks()):
        comparable = not is_thing((shipped.parent,), scoring)[0]
        if comparable and shipped.parent in parents and shipped.weights.shape[1] == dim:
            names += [(name, "bank") for name in shipped.names]
            rows.append(shipped.weights)
    return names, np.concatenate(rows)
