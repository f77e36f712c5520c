"""Rows of things that tell a kind from the ordinary ones: linear discriminants over what ships.

The mean of five shots of a bus lies nearly as near to any van: both are large boxes on wheels in
the same street. What tells them apart are the few directions in which things of one kind do not
vary among themselves. Their covariance is known well from thousands of things that ship, however
few shots there are (Fisher, "The use of multiple measurements in taxonomic problems", 1936; for few
shots, the "nearest class mean in the whitened space" of Mensink et al., "Distance-Based Image
Classification", 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivemeta.banks.replay import ThingReplay
from drivemeta.core import DISTRACTOR, BankRows, ClassBank
from drivemeta.core.boxes import FloatArray

# Share of the ordinary things of a super-class that a new kind may look likelier than.
LEFT_ALONE = 0.95
SHRINKAGE = 0.5  # towards equal variance in all directions, of the mean variance
# Cosine of two discriminants from which they may well be of one kind: those of five shots and of
# hundreds of buses have 0.35, of five buses and hundreds of lorries 0.14.
SAME_KIND = 0.25
# And from which they may be, where their names say that they are.
CONFIRMED = 0.05
FEW = 10  # things around a support box that say too little
IDENTICAL = 0.999
SYNONYMS = {"bike": "bicycle", "coach": "bus", "lorry": "truck", "motorbike": "motorcycle"}


@dataclass(frozen=True, eq=False)
class Contrast:
    """What things of a super-class have in common, and how they vary.

    Attributes:
        things: (n, dim) its things.
        precision: (dim, dim) inverse of the covariance within kinds.
    """

    things: FloatArray
    precision: FloatArray

    @classmethod
    def of(cls, replay: ThingReplay, parent: str) -> Contrast:
        """Return that of a super-class, of all things together for one that none ships of."""
        means = np.stack([replay.of(kind).mean(0) for kind in range(len(replay.kinds))])
        within = (replay.embeddings - means[replay.labels]).astype(np.float64)
        covariance = within.T @ within / max(len(within) - 1, 1)
        shrunk = SHRINKAGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        mine = np.array([of == parent for of in replay.parents], np.bool_)[replay.labels]
        chosen = replay.embeddings[mine] if mine.any() else replay.embeddings
        precision = np.linalg.inv(covariance + shrunk)
        return cls(chosen, precision.astype(np.float32))

    def rows(
        self, means: FloatArray, left_alone: float = LEFT_ALONE
    ) -> tuple[FloatArray, FloatArray]:
        """Return the (n, dim) unit rows and (n,) biases that tell (n, dim) means from the rest.

        The logit is zero where a share of the things of the super-class lie below. Half-way between
        the means would be too far: those of few shots lie farther out than what comes later.

        Args:
            means: Means of the kinds.
            left_alone: That share.
        """
        weights = (means - self.things.mean(0)) @ self.precision
        weights /= np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-9)
        biases = np.quantile(self.things @ weights.T, left_alone, axis=0)
        return weights.astype(np.float32), biases.astype(np.float32)


def contrasted(
    bank: ClassBank,
    learnt: BankRows,
    root: int,
    replay: ThingReplay,
    around: FloatArray,
    first: int = 0,
) -> ClassBank:
    """Return a bank with rows of new kinds of a super-class, and of what they compete with.

    That is every kind that ships and is not one of them, and a row of nothing but zeros: any other
    thing. They vote for the super-class, so that a box which resembles them keeps it; below a new
    kind of object, which is nothing where it is not itself, they vote for nothing. A kind that
    ships under the name of a new one, and that its shots do not contradict, votes for that one: a
    row of hundreds of buses knows more of buses than five shots do.

    Args:
        bank: Class bank that holds the new classes.
        learnt: Rows that a learner found, in the place of the means of its classes; its rows of
            the background are left out.
        root: Super-class, or the new kind itself.
        replay: Things that ship; kinds that may well be one of the new ones are no rivals.
        around: (n, width) embeddings of what else is proposed as that super-class beside the
            support boxes: things of the streets at hand, which are left alone likewise.
        first: First of the columns that things are compared in.
    """
    width, columns = learnt.weights.shape[1], slice(first, first + replay.embeddings.shape[1])
    dim, around = replay.embeddings.shape[1], around[:, columns]
    itself = bool((learnt.owners == root).any())
    other = DISTRACTOR if itself else root
    own = (learnt.owners != DISTRACTOR) & (learnt.owners != other)
    name, means, owners = bank.names[root], learnt.weights[own, columns], learnt.owners[own]
    kinds = kinds_of(replay, None if itself else name)
    likeness = kinds.weights @ Contrast.of(replay, name).rows(means)[0].T  # (n_kinds, n_rows)
    adopted = _adopted(kinds, likeness, owners, bank)
    same = (likeness >= SAME_KIND).any(1) | (adopted != DISTRACTOR)
    rest = replay.without(tuple(k for k, mine in zip(kinds.names, same, strict=True) if mine))
    weights, biases = Contrast.of(rest if rest.kinds else replay, name).rows(means)
    biases = _beyond(weights, biases, around)
    crop = bank.crop
    if root in crop.roots:
        rival = (crop.roots == root) & (crop.owners == other)
        kept = ~(rival & alike(crop.weights[:, columns], weights))
        crop = crop[kept]
    else:
        rivals = np.append(kinds.weights[~same], np.zeros((1, dim), np.float32), axis=0)
        at = np.append(kinds.biases[~same], np.float32(0))
        crop = crop + rows_below(root, rivals, at, np.full(len(at), other), width, first)
    known = adopted != DISTRACTOR
    at = _beyond(kinds.weights[known], kinds.biases[known], around)
    crop = crop + rows_below(root, kinds.weights[known], at, adopted[known], width, first)
    return replace(bank, crop=crop + rows_below(root, weights, biases, owners, width, first))


def _beyond(weights: FloatArray, biases: FloatArray, around: FloatArray) -> FloatArray:
    """Return biases that also leave alone what is around, if there is enough of it."""
    if len(around) < FEW or not len(weights):
        return biases
    found = np.quantile(around @ weights.T, LEFT_ALONE, axis=0).astype(np.float32)
    return np.asarray(np.maximum(biases, found), np.float32)


def _adopted(
    kinds: Kinds, likeness: FloatArray, owners: NDArray[np.int64], bank: ClassBank
) -> NDArray[np.int64]:
    """Return (n_kinds,) the new class that each kind that ships votes for, `DISTRACTOR` for none.

    Args:
        kinds: Kinds that ship.
        likeness: (n_kinds, n_rows) cosines with the rows of the new classes.
        owners: (n_rows,) these classes.
        bank: Class bank that holds them.
    """
    found = np.full(len(kinds.names), DISTRACTOR, np.int64)
    for label in np.unique(owners):
        kind = shipped_kind(bank.names[label])
        if kind in kinds.names and label not in bank.crop.owners:
            at = kinds.names.index(kind)
            if likeness[at, owners == label].max() >= CONFIRMED:
                found[at] = label
    return found


def shipped_kind(name: str) -> str:
    """Return what a class is called among the kinds that ship, if it is one of them.

    >>> shipped_kind("Motorbike")
    'motorcycle'
    """
    plain = " ".join(name.replace("_", " ").replace("-", " ").casefold().split())
    return SYNONYMS.get(plain, plain)


def rows_below(
    root: int,
    weights: FloatArray,
    biases: FloatArray,
    owners: NDArray[np.int64],
    width: int,
    first: int = 0,
) -> BankRows:
    """Return rows of a super-class from (n, dim) weights, as wide as those of a bank.

    Args:
        root: Super-class.
        weights: (n, dim) weights.
        biases: (n,) biases.
        owners: (n,) classes that they vote for.
        width: Columns of the bank's rows.
        first: First of their columns that the weights are of.
    """
    sides = (first, width - first - weights.shape[1])
    wide = np.pad(weights, ((0, 0), sides)).astype(np.float32)
    roots = np.full(len(wide), root, np.int64)
    return BankRows(wide, np.asarray(biases, np.float32), owners.astype(np.int64), roots)


class Kinds(NamedTuple):
    """Names of kinds that ship, their (n, dim) rows and (n,) biases."""

    names: tuple[str, ...]
    weights: FloatArray
    biases: FloatArray


@lru_cache(maxsize=16)  # an adapted layer makes a store anew
def kinds_of(replay: ThingReplay, root: str | None, left_alone: float = LEFT_ALONE) -> Kinds:
    """Return the kinds of a super-class, None for all, each told from the others.

    Args:
        replay: Things that ship.
        root: Super-class.
        left_alone: Share of the others that may look less like a kind than what is named so.
    """
    names = [
        kind
        for kind, parent in zip(replay.kinds, replay.parents, strict=True)
        if root is None or parent == root
    ]
    weights, biases = (
        [np.zeros((0, replay.embeddings.shape[1]), np.float32)],
        [np.zeros(0, np.float32)],
    )
    for kind in names if len(replay.kinds) > 1 else ():
        others = Contrast.of(replay.without((kind,)), root or "")
        mean = replay.of(replay.kinds.index(kind)).mean(0, keepdims=True)
        row, bias = others.rows(mean, left_alone)
        weights.append(row)
        biases.append(bias)
    n_rows = len(weights) - 1
    return Kinds(tuple(names[:n_rows]), np.concatenate(weights), np.concatenate(biases))


def alike(rows: FloatArray, novel: FloatArray) -> NDArray[np.bool_]:
    """Return (n,) which rows may well be of the kind of one of (m, dim) new rows."""
    nearest = (rows @ novel.T).max(1, initial=-1)
    return np.asarray(nearest >= SAME_KIND, np.bool_)


def kinds_alike(
    replay: ThingReplay, root: str | None, names: Sequence[str], means: FloatArray
) -> tuple[str, ...]:
    """Return the kinds that ship and may well be new kinds, by their names or by their looks.

    Args:
        replay: Things that ship.
        root: Super-class of the new kinds, None for new kinds of object.
        names: Names of the new kinds.
        means: (n, dim) their means.
    """
    kinds, called = kinds_of(replay, root), {shipped_kind(name) for name in names}
    near = alike(kinds.weights, Contrast.of(replay, root or "").rows(means)[0])
    return tuple(k for k, mine in zip(kinds.names, near, strict=True) if mine or k in called)


def adopted_kind(bank: ClassBank, name: str, shipped: ThingReplay, first: int = 0) -> str | None:
    """Return the kind that ships and votes for a class of things, None if none does.

    Args:
        bank: Class bank that has it.
        name: Class of things.
        shipped: Things that ship.
        first: First of the columns that things are compared in.
    """
    label = bank.index(name)
    root, kind = bank.names[bank.roots[label]], shipped_kind(name)
    own = bank.crop.weights[bank.crop.owners == label]
    if kind not in shipped.kinds or not len(own):
        return None
    kinds = kinds_of(shipped, None if root == name else root)
    if kind not in kinds.names:
        return None
    row = kinds.weights[kinds.names.index(kind)]
    own = own[:, first : first + len(row)]
    return kind if (own @ row).max() > IDENTICAL else None
