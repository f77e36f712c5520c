"""What a support set is worth: boxes that disagree, classes that look alike, objects not found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
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
    task, dim = record.evidence.embedded, own_dim(record.base.level2)
    means = np.stack(
        [
            F.normalize(task.images[task.labels == label, :dim].mean(0), dim=0).numpy()
            for label in range(task.n_way)
        ]
    )
    new, things = means @ means.T, things_among(record.parents, record.base.scoring)
    names, known, known_things = _known(record)
    for label, name in enumerate(task.names):
        for other in np.flatnonzero(things == things[label]):
            if other != label:
                yield Likeness(name, task.names[other], "new", round(float(new[label, other]), 4))
        best: dict[tuple[str, Relation], float] = {}
        comparable = np.flatnonzero(known_things == things[label])
        for key, cosine in zip(
            (names[i] for i in comparable), (known[comparable] @ means[label]).tolist(), strict=True
        ):
            if key[0] != name:
                best[key] = max(cosine, best.get(key, -1.0))
        for key in sorted(best, key=lambda key: -best[key])[:NEAREST]:
            yield Likeness(name, *key, round(best[key], 4))


def _known(
    record: AdaptationRecord,
) -> tuple[list[tuple[str, Relation]], FloatArray, NDArray[np.bool_]]:
    """Return names and kinds of the rows that were there before, the rows, and which are things."""
    bank, scoring = record.base.bank, record.base.scoring
    leaf = bank.crop.owners >= 0
    leaf[leaf] = [bank.classes[o].parent is not None for o in bank.crop.owners[leaf]]
    names: list[tuple[str, Relation]]
    names = [(bank.names[owner], "known") for owner in bank.crop.owners[leaf]]
    dim = own_dim(record.base.level2)
    rows, parents = [bank.crop.weights[leaf, :dim]], set(record.parents)
    things = [is_thing(bank.names, scoring)[bank.crop.roots[leaf]]]
    for shipped in map(load_bank, available_banks()):
        if shipped.parent in parents and shipped.weights.shape[1] == rows[0].shape[1]:
            names += [(name, "bank") for name in shipped.names]
            rows.append(shipped.weights)
            things.append(np.repeat(is_thing((shipped.parent,), scoring), len(shipped.names)))
    return names, np.concatenate(rows), np.concatenate(things)
