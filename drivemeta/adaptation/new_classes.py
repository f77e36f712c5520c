"""New classes of a class bank: the super-class that finds each, or a row of level 1 of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.extending import learn_beside
from drivemeta.adaptation.parent_choice import NEW_KIND, misses
from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError
from drivemeta.models.detector import TwoLevelDetector

DEFAULT_PARENT = "traffic_sign"


def add_classes(
    base: TwoLevelDetector,
    evidence: Evidence,
    parents: Sequence[str | None],
    *,
    of_crops: bool,
) -> ClassBank:
    """Return the base's bank with the new classes, and rows of level 1 for those that it misses.

    Args:
        base: Detector before adaptation.
        evidence: What is seen in the support frames.
        parents: Super-class below which level 2 knows each class, see `parents_of`.
        of_crops: Whether the support set is plain crops, without scenes that level 1 could learn
            from.

    Raises:
        InputError: there is no level 1 that could find a new kind.
    """
    bank = base.bank
    for label, (name, parent) in enumerate(zip(evidence.labelled.names, parents, strict=True)):
        own, of = evidence.boxes.labels == label, None if parent == name else parent
        known = bank.classes[bank.index(name)] if name in bank.names else None
        if known is None:
            spec = ClassSpec(name, of, "novel", shots=int(own.sum()))
            bank = replace(bank, classes=(*bank.classes, spec))
        elif known.origin == "novel":
            bank = _with_shots(bank, name, known.shots + int(own.sum()))
        unfound = of is None or misses(evidence.boxes.roots, own)
        if of is None and not base.has_dense and not of_crops:
            raise InputError(
                f"{name}: a new kind of object is learnt by DriveMeta's level 1, which this base "
                "was imported without (--own-only); name its super-class by --parent, or import "
                "the base anew with both"
            )
        if unfound and base.has_dense and not (of_crops or (known and of)):
            bank = _add_dense(base, bank, evidence, label, bank.index(name))
    return bank


def _with_shots(bank: ClassBank, name: str, shots: int) -> ClassBank:
    classes = tuple(replace(s, shots=shots) if s.name == name else s for s in bank.classes)
    return replace(bank, classes=classes)


def parent_of_crops(base: TwoLevelDetector, support: SupportSet, parent: str | None) -> str:
    """Return the super-class of classes given as crops; level 1 cannot tell it from them.

    Raises:
        InputError: a class of the support is a super-class itself, or is to be a new kind.
    """
    if parent == NEW_KIND:
        raise InputError(
            f"{support.dataset.source}: --parent {NEW_KIND} asks for a new kind of object, which "
            "level 1 learns from whole frames, found plain crops; annotate frames, or name a "
            "super-class"
        )
    supers = [spec.name for spec in base.bank.classes if spec.parent is None]
    extended = sorted(set(support.classes) & set(supers))
    if extended:
        raise InputError(
            f"{support.dataset.source}: {extended[0]!r} is a super-class, which level 1 finds; to "
            "extend it whole frames are needed, found plain crops"
        )
    return parent or DEFAULT_PARENT


def _add_dense(
    base: TwoLevelDetector, bank: ClassBank, evidence: Evidence, label: int, owner: int
) -> ClassBank:
    own = base.own
    ours = bank if own is None else replace(bank, dense=own.of_level1(bank.dense))
    row, bias = learn_beside(base, ours, evidence, label, owner)
    rows = BankRows(
        row[None],
        np.array([bias], np.float32),
        np.array([owner], np.int64),
        bank.roots[[owner]],
    )
    return replace(bank, dense=bank.dense + (rows if own is None else own.beside(rows)))
