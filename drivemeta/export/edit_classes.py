"""Class banks edited in model files: read, changed, written as a verified file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from drivemeta.banks.capacity import capacity_for, capacity_for_leaves, within_capacity
from drivemeta.banks.edit import merge_banks
from drivemeta.core import ClassBank
from drivemeta.errors import InputError
from drivemeta.export.parts import Parts, write_parts
from drivemeta.export.verify import VerifyReport, repeat_probe
from drivemeta.runtime.manifest import Digests, LearnerEntry, Manifest
from drivemeta.runtime.model_file import ModelFile, read_model_file


def edit_model(
    path: str | Path, out: str | Path, edit: Callable[[ClassBank], ClassBank]
) -> VerifyReport:
    """Write a model with another bank, grown where it has more rows, and verify what was written.

    Args:
        path: Model, which is not changed unless `out` is the same file.
        out: Model to write; it appears whole or not at all.
        edit: Function from the model's bank to the one wanted.

    Raises:
        ModelFileError: the model is damaged or not ours.
        InputError: the edit refuses.
        ParityError: the new model finds too little in its probe's picture.
        OutputError: it cannot be written.
    """
    parts = Parts.of(read_model_file(path))
    parts = replace(parts, bank=edit(parts.bank))
    if parts.manifest.bank.mode == "fed":
        parts = _of_capacity(parts, capacity_for(parts.bank, parts.manifest.bank.capacity))
    return _write(parts, out)


def merge_models(paths: list[Path], out: str | Path) -> VerifyReport:
    """Write one model with the classes of several that were adapted from one base.

    The networks, the input size and the precision are those of the first. If the rows are more
    than it holds, the least telling distractors go, and if those of classes are, it grows.

    Raises:
        InputError: fewer than two models, another base or score rule, or clashing names.
        ModelFileError: a model is damaged or not ours.
        ParityError: the new model finds too little in its probe's picture.
        OutputError: it cannot be written.
    """
    if len(paths) < 2:
        raise InputError(f"expected two models or more to merge, found {len(paths)}")
    file = read_model_file(paths[0])
    parts = Parts.of(file)
    for path in paths[1:]:
        other = read_model_file(path)
        _check_same_base(file, other)
        parts = replace(
            parts,
            bank=merge_banks(parts.bank, Parts.of(other).bank),
            manifest=_joined(parts.manifest, other.manifest),
        )
    if parts.manifest.bank.mode == "fed":
        capacity = capacity_for_leaves(parts.bank, parts.manifest.bank.capacity, spare_rows=0)
        fewer = replace(parts, bank=within_capacity(parts.bank, capacity))
        parts = _of_capacity(fewer, capacity)
    return _write(parts, out)


def _of_capacity(parts: Parts, capacity: int) -> Parts:
    grown = parts.manifest.bank.model_copy(update={"capacity": capacity})
    return replace(parts, manifest=parts.manifest.model_copy(update={"bank": grown}))


def _write(parts: Parts, out: str | Path) -> VerifyReport:
    probe = parts.probe
    write_parts(parts, out, (probe.box_px, probe.score))
    return repeat_probe(read_model_file(out), "cpu")


def _check_same_base(first: ModelFile, second: ModelFile) -> None:
    mine, theirs = first.manifest, second.manifest
    if mine.digests.weights != theirs.digests.weights:
        raise InputError(
            f"{first.path} and {second.path} come from different bases (weights "
            f"{mine.digests.weights[:12]} and {theirs.digests.weights[:12]}), so the rows of one "
            "mean nothing to the other; adapt one of them anew"
        )
    if mine.scoring != theirs.scoring:
        raise InputError(
            f"{first.path} and {second.path} join scores by different constants; adapt one of them "
            "anew"
        )


def _joined(first: Manifest, second: Manifest) -> Manifest:
    """Return the first manifest with learner, support digest and licence of both."""
    learners = list(dict.fromkeys(filter(None, (first.learner.name, second.learner.name))))
    params = first.learner.params if first.learner == second.learner else {}
    supports = [d.support for d in (first.digests, second.digests) if d.support]
    support = supports[0] if supports else ""
    if len(supports) == 2:
        support = hashlib.sha256("".join(supports).encode()).hexdigest()
    licences = list(dict.fromkeys((first.licence, second.licence)))
    return first.model_copy(
        update={
            "learner": LearnerEntry(name="+".join(learners), params=params),
            "digests": Digests(weights=first.digests.weights, support=support),
            "licence": " AND ".join(licences),
        }
    )
