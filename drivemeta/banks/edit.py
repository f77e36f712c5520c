"""Class banks merged, and classes removed and renamed; numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivemeta.banks.distractors import without_near
from drivemeta.core import BankRows, ClassBank
from drivemeta.core.bank import DISTRACTOR
from drivemeta.errors import InputError, suggest


def remove_classes(bank: ClassBank, names: Sequence[str]) -> ClassBank:
    """Return the bank without some classes and the rows that vote for them.

    Background rows stay, but for those that compete within a super-class that goes.

    Raises:
        InputError: no such class, a super-class still has leaves, or level 1 is left with nothing.
    """
    _check_known(bank, names)
    gone = set(names)
    for spec in bank.classes:
        if spec.parent in gone and spec.name not in gone:
            raise InputError(
                f"{spec.parent!r} cannot be removed: {spec.name!r} is a kind of it; remove that "
                "one too"
            )
    kept = [i for i, name in enumerate(bank.names) if name not in gone]
    labels = np.full(len(bank.classes), -2, np.int64)
    labels[kept] = np.arange(len(kept))
    dense = _relabelled(bank.dense, labels)
    if not len(dense):
        raise InputError("a model must keep at least one class that level 1 finds")
    return ClassBank(tuple(bank.classes[i] for i in kept), dense, _relabelled(bank.crop, labels))


def rename_classes(bank: ClassBank, names: Mapping[str, str]) -> ClassBank:
    """Return the bank with other class names; leaves follow a super-class that is renamed.

    Raises:
        InputError: no such class, or a name would be empty or occur twice.
    """
    _check_known(bank, list(names))
    classes = tuple(
        replace(
            spec,
            name=names.get(spec.name, spec.name),
            parent=None if spec.parent is None else names.get(spec.parent, spec.parent),
        )
        for spec in bank.classes
    )
    new = [spec.name for spec in classes]
    taken = sorted({name for name in new if new.count(name) > 1})
    if taken or not all(name.strip() for name in new):
        raise InputError(
            "class names must be unique and not empty; "
            + (f"the bank already has {', '.join(taken)}" if taken else "found an empty one")
        )
    return replace(bank, classes=classes)


def merge_banks(first: ClassBank, second: ClassBank) -> ClassBank:
    """Return the classes and rows of both banks; what both hold bit for bit is held once.

    Both come from one base. The thresholds of classes that both have are those of the first. A
    distractor of one bank that may well be a novel class of the other goes, as when adapting.

    Raises:
        InputError: both have a novel class of one name, or a shared class has another super-class.
    """
    _check_clashes(first, second)
    added = tuple(spec for spec in second.classes if spec.name not in first.names)
    classes = (*first.classes, *added)
    names = [spec.name for spec in classes]
    labels = np.array([names.index(name) for name in second.names], np.int64)
    crop = _relabelled(second.crop, labels)
    novel = np.array([i for i, spec in enumerate(classes) if spec.origin == "novel"], np.int64)
    return ClassBank(
        classes,
        _union(first.dense, _relabelled(second.dense, labels)),
        _union(
            _without_rivals(first.crop, _owned(crop, novel)),
            _without_rivals(crop, _owned(first.crop, novel)),
        ),
    )


def _owned(rows: BankRows, labels: NDArray[np.int64]) -> BankRows:
    return _chosen(rows, np.isin(rows.owners, labels))


def _without_rivals(rows: BankRows, novel: BankRows) -> BankRows:
    """Return the rows without distractors that may well be one of the other bank's classes."""
    for root in np.unique(novel.roots):
        rows = without_near(rows, _chosen(novel, novel.roots == root), int(root))
    return rows


def _check_known(bank: ClassBank, names: Sequence[str]) -> None:
    for name in names:
        if name not in bank.names:
            raise InputError(f"the model has no class {name!r}; {suggest(name, bank.names)}")


def _check_clashes(first: ClassBank, second: ClassBank) -> None:
    mine = {spec.name: spec for spec in first.classes}
    shared = [spec for spec in second.classes if spec.name in mine]
    clashes = sorted(s.name for s in shared if "novel" in (s.origin, mine[s.name].origin))
    if clashes:
        raise InputError(
            f"both models have a class of their own called {', '.join(clashes)}; rename it in one "
            "of them first (`drivemeta bank rename`)"
        )
    for spec in shared:
        if spec.parent != mine[spec.name].parent:
            raise InputError(
                f"class {spec.name!r} is a kind of {mine[spec.name].parent!r} in the first model "
                f"and of {spec.parent!r} in the second"
            )


def _relabelled(rows: BankRows, labels: NDArray[np.int64]) -> BankRows:
    """Return the rows with new labels; those of a class that has none (-2) are left out."""
    owners = np.where(rows.owners == DISTRACTOR, DISTRACTOR, labels[rows.owners])
    roots = labels[rows.roots]
    return _chosen(replace(rows, owners=owners, roots=roots), (owners > -2) & (roots > -2))


def _union(first: BankRows, second: BankRows) -> BankRows:
    seen = set(_keys(first))
    return first + _chosen(second, np.array([key not in seen for key in _keys(second)], bool))


def _keys(rows: BankRows) -> list[bytes]:
    columns = (rows.weights, rows.biases, rows.owners, rows.roots)
    return [b"".join(column[i].tobytes() for column in columns) for i in range(len(rows))]


def _chosen(rows: BankRows, keep: NDArray[np.bool_]) -> BankRows:
    return rows[keep]
