"""Named banks: fine classes that ship beside the base, as recognisers and as distractors."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import save as serialize

from drivemeta.banks.arrays_file import read_arrays
from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.core.boxes import FloatArray
from drivemeta.errors import InputError, ModelFileError, suggest
from drivemeta.files import write_bytes
from drivemeta.paths import NAMED_BANKS

BACKGROUND = "background"


@dataclass(frozen=True, eq=False)
class NamedBank:
    """Embeddings of fine classes below one super-class.

    Attributes:
        parent: Super-class.
        names: Names of the classes, one a row; several rows may share a name. Rows named
            `background` are distractors.
        weights: (n_rows, dim) float32, L2-normalised; or zeros, for any other thing.
        biases: (n_rows,) float32, zeros where they are None.
    """

    parent: str
    names: tuple[str, ...]
    weights: FloatArray
    biases: FloatArray | None = None


def save_bank(path: Path, bank: NamedBank) -> None:
    """Write a named bank as safetensors.

    Raises:
        OutputError: the file cannot be written.
    """
    header = json.dumps({"parent": bank.parent, "names": bank.names})
    arrays = {"weights": np.ascontiguousarray(bank.weights, np.float16)}
    if bank.biases is not None:
        arrays["biases"] = np.ascontiguousarray(bank.biases, np.float32)
    write_bytes(path, serialize(arrays, metadata={"drivemeta_bank": header}))


@cache
def load_bank(name: str) -> NamedBank:
    """Return a bank that ships with the package.

    Raises:
        InputError: there is none of that name.
        ModelFileError: its file is damaged.
    """
    path = NAMED_BANKS / f"{name}.safetensors"
    known = available_banks()
    if name not in known:
        raise InputError(f"unknown bank {name!r}; {suggest(name, known)}")
    what, fields = "a bank written by DriveMeta", ("parent", "names")
    header, arrays = read_arrays(path, "drivemeta_bank", what, fields, ["weights"])
    weights = arrays["weights"].astype(np.float32)
    lengths = np.linalg.norm(weights, axis=1, keepdims=True)
    weights /= np.where(lengths > 0, lengths, 1)
    return NamedBank(header["parent"], tuple(header["names"]), weights, arrays.get("biases"))


def available_banks() -> tuple[str, ...]:
    """Return the names of the banks that ship with the package."""
    return tuple(sorted(path.stem for path in NAMED_BANKS.glob("*.safetensors")))


def with_named(bank: ClassBank, named: NamedBank) -> ClassBank:
    """Return a bank that also names the classes of a named bank, as leaves of the base.

    A box is named at its parent's threshold. A class that the bank has gets more rows. Background
    votes for the parent: whether there is an object at all is level 1's to say, which has seen
    smaller ones than the crops of the bank show.

    Raises:
        ModelFileError: the bank has no such super-class, or its rows are of another length.
    """
    if named.parent not in bank.names or named.weights.shape[1] != bank.crop.weights.shape[1]:
        raise ModelFileError(
            f"this bank names kinds of {named.parent} by {named.weights.shape[1]} numbers, the "
            f"model has {', '.join(bank.names)} and rows of {bank.crop.weights.shape[1]}"
        )
    parent = bank.index(named.parent)
    new = dict.fromkeys(n for n in named.names if n != BACKGROUND and n not in bank.names)
    threshold = bank.classes[parent].threshold
    specs = tuple(ClassSpec(name, named.parent, "base", threshold) for name in new)
    bank = replace(bank, classes=bank.classes + specs)
    rows = BankRows(
        named.weights,
        np.zeros(len(named.names), np.float32) if named.biases is None else named.biases,
        np.array([parent if n == BACKGROUND else bank.index(n) for n in named.names], np.int64),
        np.full(len(named.names), parent, np.int64),
    )
    return replace(bank, crop=bank.crop + rows)
