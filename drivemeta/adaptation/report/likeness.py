"""Which classes look alike: new ones, those known before, and those that ship."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from torch.nn import functional as F

from drivemeta.adaptation.adapted import AdaptationRecord
from drivemeta.adaptation.thing_views import things_among
from drivemeta.banks.contrast import SAME_KIND, Contrast, kinds_of, shipped_kind
from drivemeta.banks.named import available_banks, load_bank
from drivemeta.banks.replay import ThingReplay, load_replay
from drivemeta.core.bank import ALIKE
from drivemeta.core.boxes import FloatArray
from drivemeta.core.things import is_thing
from drivemeta.models.branch import own_dim

NEAREST = 3
Relation = Literal["new", "known", "bank", "shipped"]
Named: TypeAlias = tuple[str, Relation]


@dataclass(frozen=True)
class Likeness:
    """The cosine between a class and the nearest row of another one.

    Of signs it is that of the mean of the class's views; of things, that of the discriminants that
    tell both from ordinary things.

    Attributes:
        name: New class.
        other: Class that it is like.
        kind: `new`, `known` to the detector before, from a `bank` that ships with it,
            or a `shipped` kind of thing.
        cosine: Cosine of the two, in [-1, 1].
        of_things: Whether they are things.
    """

    name: str
    other: str
    kind: Relation
    cosine: float
    of_things: bool = False

    @property
    def is_close(self) -> bool:
        """Whether the two are likely to be taken for each other."""
        return self.cosine >= (SAME_KIND if self.of_things else ALIKE)


def likeness_of(record: AdaptationRecord) -> Iterator[Likeness]:
    """Yield the likeness of each new class to the other new ones, and to the nearest others."""
    yield from _of_signs(record)
    yield from _of_things(record)


def _of_signs(record: AdaptationRecord) -> Iterator[Likeness]:
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
    of = [task.names[label] for label in signs]
    names, known = _known(record)
    for name, mean in zip(of, means, strict=True):
        yield from _nearest(name, mean, (of, means), (names, known), of_things=False)


def _nearest(
    name: str,
    row: FloatArray,
    new: tuple[Sequence[str], FloatArray],
    known: tuple[Sequence[Named], FloatArray],
    *,
    of_things: bool,
) -> Iterator[Likeness]:
    """Yield the likeness of one class to all other new ones, and to the nearest known ones."""
    for other, cosine in zip(new[0], (new[1] @ row).tolist(), strict=True):
        if other != name:
            yield Likeness(name, other, "new", round(cosine, 4), of_things)
    best: dict[Named, float] = {}
    for key, cosine in zip(known[0], (known[1] @ row).tolist(), strict=True):
        if key[0] != name:
            best[key] = max(cosine, best.get(key, -1.0))
    for key in sorted(best, key=lambda key: -best[key])[:NEAREST]:
        yield Likeness(name, *key, round(best[key], 4), of_things)


def _of_things(record: AdaptationRecord) -> Iterator[Likeness]:
    """Yield that of things: with those below the same super-class, of new kinds with all others."""
    task, replay = record.evidence.embedded, load_replay()
    things = np.flatnonzero(things_among(record.parents, record.base.scoring))
    below = [None if (p := record.parents[i]) == task.names[i] else p for i in things]
    dim, rows = replay.embeddings.shape[1], []
    for label, root in zip(things, below, strict=True):
        mean = task.images[task.labels == int(label), :dim].mean(0, keepdim=True).numpy()
        rows.append(Contrast.of(replay, root or "").rows(mean)[0][0])
    for label, root, row in zip(things, below, rows, strict=True):
        beside = [i for i, other in enumerate(below) if other == root]
        new = [task.names[things[i]] for i in beside], np.stack([rows[i] for i in beside])
        known = _known_things(record, replay, task.names[label], root)
        yield from _nearest(task.names[label], row, new, known, of_things=True)


def _known_things(
    record: AdaptationRecord, replay: ThingReplay, name: str, root: str | None
) -> tuple[list[Named], FloatArray]:
    """Return name and kind of each row of a super-class that a thing is compared with."""
    bank, kinds = record.base.bank, kinds_of(replay, root)
    mine = np.zeros(len(bank.crop), np.bool_)
    if root is not None:
        label = bank.index(root)
        mine = (bank.crop.roots == label) & (bank.crop.owners >= 0) & (bank.crop.owners != label)
    others = np.array([kind != shipped_kind(name) for kind in kinds.names], np.bool_)
    names: list[Named] = [(bank.names[owner], "known") for owner in bank.crop.owners[mine]]
    names += [(kind, "shipped") for kind, kept in zip(kinds.names, others, strict=True) if kept]
    dim = replay.embeddings.shape[1]
    return names, np.concatenate([bank.crop.weights[mine, :dim], kinds.weights[others]])


def _known(record: AdaptationRecord) -> tuple[list[Named], FloatArray]:
    """Return name and kind of each row of signs that was there before, and the (n, dim) rows."""
    bank, scoring = record.base.bank, record.base.scoring
    leaf = (bank.crop.owners >= 0) & ~is_thing(bank.names, scoring)[bank.crop.roots]
    leaf[leaf] = [bank.classes[o].parent is not None for o in bank.crop.owners[leaf]]
    names: list[Named]
    names = [(bank.names[owner], "known") for owner in bank.crop.owners[leaf]]
    dim = own_dim(record.base.level2)
    rows, parents = [bank.crop.weights[leaf, :dim]], set(record.parents)
    for shipped in map(load_bank, available_banks()):
        comparable = not is_thing((shipped.parent,), scoring)[0]
        if comparable and shipped.parent in parents and shipped.weights.shape[1] == dim:
            names += [(name, "bank") for name in shipped.names]
            rows.append(shipped.weights)
    return names, np.concatenate(rows)
