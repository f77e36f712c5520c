"""The class bank in a model file of DriveMeta, read with numpy alone.

A model is a protobuf message; of its fields (github.com/onnx/onnx, onnx.proto) these are read:
`graph` 7, `metadata_props` 14; of a graph `initializer` 5; of a tensor `dims` 1, `data_type` 2,
`name` 8, `raw_data` 9; of a property `key` 1, `value` 2.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

TYPES = {1: np.float32, 7: np.int64, 10: np.float16}
LEVELS = ("dense", "crop")
UNREACHABLE = 2.0  # threshold of the places that hold no class


class BankError(ValueError):
    """Why a bank cannot be fed, for who asked for it."""


def read_bank_file(path: str | Path) -> tuple[dict[str, Any], Arrays]:
    """Return the manifest of a model, and the arrays of its bank by name.

    Raises:
        BankError: it is no model of DriveMeta.
    """
    try:
        model = memoryview(Path(path).read_bytes())
        properties: dict[str, str] = {}
        arrays: Arrays = {}
        for number, value in _fields(model):
            if number == 14:
                said = dict(_fields(value))
                properties[bytes(said[1]).decode()] = bytes(said[2]).decode()
            elif number == 7:
                tensors = (_tensor(inner) for at, inner in _fields(value) if at == 5)
                arrays = {name: array for name, array in tensors if array is not None}
        return json.loads(properties["drivemeta"]), arrays
    except OSError as error:
        raise BankError(f"cannot read {path}: {error.strerror}") from error
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise BankError(f"expected a model of DriveMeta, cannot read {path} ({error})") from error


def bank_feeds(path: str | Path, running: dict[str, Any]) -> tuple[list[str], Arrays]:
    """Return the names of a bank's classes, and the arrays to feed to the model that runs.

    Args:
        path: Model whose bank is taken.
        running: Manifest of the model that runs.

    Raises:
        BankError: it does not fit the model that runs.
    """
    rule = running["bank"]
    if rule["mode"] != "fed":
        raise BankError("the model that runs has its bank baked in: export it with --bank fed")
    manifest, arrays = read_bank_file(path)
    if manifest["digests"]["weights"] != running["digests"]["weights"]:
        raise BankError(f"{path} was made from another base than the model that runs")
    classes, room = manifest["classes"], rule["capacity"]
    thresholds = np.array([entry["threshold"] for entry in classes], np.float32)
    feeds = {"thresholds": _padded(thresholds, room, UNREACHABLE)}
    for level in LEVELS:
        feeds |= _level(arrays, level, rule[f"{level}_dim"], room)
    return [entry["name"] for entry in classes], feeds


def _level(arrays: Arrays, level: str, n_columns: int, room: int) -> Arrays:
    weights = arrays.get(f"{level}_weights", np.zeros((0, n_columns), np.float32))
    n = int(arrays.get(f"{level}_count", [len(weights)])[0])
    if weights.ndim != 2 or weights.shape[1] != n_columns or not 0 <= n <= len(weights):
        raise BankError(f"expected {level} rows of {n_columns} columns, found {weights.shape}")
    kinds = {"biases": (np.float32, 0), "owners": (np.int64, -1), "roots": (np.int64, -1)}
    feeds = {f"{level}_weights": _padded(weights[:n].astype(np.float32), room, 0)}
    for name, (kind, filling) in kinds.items():
        rows = arrays.get(f"{level}_{name}", np.zeros(0))[:n].astype(kind)
        if len(rows) != n:
            raise BankError(f"expected {n} values of {level}_{name}, found {len(rows)}")
        feeds[f"{level}_{name}"] = _padded(rows, room, filling)
    feeds[f"{level}_count"] = np.array([n], np.int64)
    return feeds


def _padded(array: NDArray[Any], room: int, filling: float) -> NDArray[Any]:
    if len(array) > room:
        raise BankError(f"expected at most {room} classes and rows a level, found {len(array)}")
    padding = [(0, room - len(array))] + [(0, 0)] * (array.ndim - 1)
    return np.pad(array, padding, constant_values=filling)


def _tensor(message: memoryview) -> tuple[str, NDArray[Any] | None]:
    """Return a tensor's name and array, None if its values do not lie in it as raw bytes."""
    dims: list[int] = []
    kind, name, raw = 0, "", None
    for number, value in _fields(message):
        if number == 1:
            dims += [value] if isinstance(value, int) else _varints(value)
        elif number == 2:
            kind = value
        elif number == 8:
            name = bytes(value).decode()
        elif number == 9:
            raw = value
    if raw is None or kind not in TYPES or not name.startswith(LEVELS):
        return name, None
    return name, np.frombuffer(raw, TYPES[kind]).reshape(dims)


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """Yield the number and value of each field: an integer, or the bytes of it."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        value: Any
        if kind == 0:
            value, at = _varint(message, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = message[at : at + size], at + size
        elif kind == 2:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ValueError("it is cut off")
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"fields of kind {kind} are none of protobuf's")
        yield number, value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _varints(message: memoryview) -> list[int]:
    values, at = list[int](), 0
    while at < len(message):
        value, at = _varint(message, at)
        values.append(value)
    return values
