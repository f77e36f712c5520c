"""New classes of a class bank: the super-class that finds each, or a row of level 1 of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.dense_rows import learn_dense
from drivemeta.adaptation.evidence import Evidence
from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError, suggest
from drivemeta.models.detector import TwoLevelDetector

FOUND_SHARE = 0.5
FEW = 3
# How many boxes of a class all boxes of all classes weigh in whether it is missed.
COMMON_SHOTS = 1.5
# And in which super-class finds it.
COMMON_VOTES = 2
DEFAULT_PARENT = "traffic_sign"


def add_classes(
    base: TwoLevelDetector, evidence: Evidence, parent: str | None, *, of_crops: bool
) -> tuple[ClassBank, list[str | None]]:
    """Return the base's bank with the new classes, and the super-class of each.

    Args:
        base: Detector before adaptation.
        evidence: What is seen in the support frames.
        parent: Super-class of the new classes, or None to find it out.
        of_crops: Whether the support set is plain crops, without scenes that level 1 could learn
            from.

    Raises:
        InputError: there is no such parent.
    """
    bank, names = base.bank, evidence.labelled.names
    supers = [spec.name for spec in bank.classes if spec.parent is None]
    if parent is not None and parent not in supers:
        raise InputError(f"--parent {parent}: no such super-class; {suggest(parent, supers)}")
    parents: list[str | None] = []
    for label, name in enumerate(names):
        own = evidence.boxes.labels == label
        finder = finder_of(bank.names, evidence.boxes.roots, evidence.boxes.found, own)
        known = bank.classes[bank.index(name)] if name in bank.names else None
        of = known.parent if known else parent or finder
        extends = name in supers
        if not extends and name not in bank.names:
            spec = ClassSpec(name, of, "novel", shots=int(own.sum()))
            bank = replace(bank, classes=(*bank.classes, spec))
        elif known and known.origin == "novel":
            bank = _with_shots(bank, name, known.shots + int(own.sum()))
        if (finder is None or extends) and not (of_crops or (known and of)):
            bank = _add_dense(base, bank, evidence, label, bank.index(name))
        parents.append(None if extends else of)
    return bank, parents


def _with_shots(bank: ClassBank, name: str, shots: int) -> ClassBank:
    classes = tuple(replace(s, shots=shots) if s.name == name else s for s in bank.classes)
    return replace(bank, classes=classes)


def parent_of_crops(base: TwoLevelDetector, support: SupportSet, parent: str | None) -> str:
    """Return the super-class of classes given as crops; level 1 cannot tell it from them.

    Raises:
        InputError: a class of the support is a super-class itself.
    """
    supers = [spec.name for spec in base.bank.classes if spec.parent is None]
    extended = sorted(set(support.classes) & set(supers))
    if extended:
        raise InputError(
            f"{support.dataset.source}: {extended[0]!r} is a super-class, which level 1 finds; to "
            "extend it whole frames are needed, found plain crops"
        )
    return parent or DEFAULT_PARENT


def finder_of(
    names: Sequence[str],
    roots: NDArray[np.int64],
    scores: NDArray[np.float32],
    own: NDArray[np.bool_],
) -> str | None:
    """Return the super-class by which the base finds most boxes of a class, None if it misses them.

    A few boxes that are missed, or are weakly taken for something else, prove little where the
    classes adapted beside them are found: boxes vote by their scores, and all boxes of all classes
    together count as much as another two of its own, so that a single odd one is outvoted.

    Args:
        names: Names of the bank's classes.
        roots: (n,) super-class that each box of all classes is found by, -1 for none.
        scores: (n,) of these detections, 0 for none.
        own: (n,) which of the boxes are of the class.
    """
    missed, n = roots < 0, int(own.sum())
    share = (missed[own].sum() + COMMON_SHOTS * missed.mean()) / (n + COMMON_SHOTS)
    few = n < FEW and missed.mean() <= 1 - FOUND_SHARE
    if share > 1 - FOUND_SHARE and not few:
        return None
    weights = np.where(missed, 0, scores) * (own + COMMON_VOTES / len(own))
    return names[int(np.bincount(np.maximum(roots, 0), weights, len(names)).argmax())]


def _add_dense(
    base: TwoLevelDetector, bank: ClassBank, evidence: Evidence, label: int, owner: int
) -> ClassBank:
    row, bias = learn_dense(base, evidence, label)
    rows = BankRows(
        row[None],
        np.array([bias], np.float32),
        np.array([owner], np.int64),
        bank.roots[[owner]],
    )
    return replace(bank, dense=bank.dense + rows)
