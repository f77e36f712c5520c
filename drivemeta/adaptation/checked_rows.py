"""Rows of a learner, checked as soon as it gives them, while it can still be named."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import DISTRACTOR
from drivemeta.core.boxes import FloatArray
from drivemeta.errors import PluginError
from drivemeta.plugins.calling import Calling, origin_of
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.protocol import ClassRows

TOLERANCE = 1e-3  # of the length of a row


def checked_rows(plugin: object, method: str, rows: object, support: LabelledImages) -> ClassRows:
    """Return the rows that a learner gave, as arrays.

    Args:
        plugin: Learner, or the classifier that it fitted.
        method: Name of the method that gave the rows.
        rows: Rows as given.
        support: Support set as the embeddings or columns that the rows are compared with.

    Raises:
        PluginError: they are something else; says what was expected and found.
    """
    asking = Calling(plugin, method)
    given = asking.returned(rows, ClassRows)
    with asking:
        weights, biases = (np.asarray(a, np.float32) for a in (given.weights, given.biases))
        owners = np.asarray(given.owners)
    width = support.images.shape[1]
    wrong = (
        _wrong_shape(weights, biases, owners, width)
        or _wrong_values(weights, biases)
        or _wrong_owners(owners, support.n_way)
    )
    if wrong:
        raise PluginError(f"{origin_of(plugin)}: expected `{method}` to give {wrong}")
    return ClassRows(weights, biases, owners.astype(np.int64))


def _wrong_shape(
    weights: FloatArray, biases: FloatArray, owners: NDArray[Any], width: int
) -> str | None:
    if weights.ndim != 2 or weights.shape[1] != width:
        return f"weights of shape (n_rows, {width}) as the embeddings have, found {weights.shape}"
    for name, values in (("biases", biases), ("owners", owners)):
        if values.shape != (len(weights),):
            return f"{name} of shape ({len(weights)},), one a row, found {values.shape}"
    return None


def _wrong_values(weights: FloatArray, biases: FloatArray) -> str | None:
    for name, values in (("weights", weights), ("biases", biases)):
        odd = np.argwhere(~np.isfinite(values))
        if len(odd):
            return f"finite {name}, found {values[tuple(odd[0])]} in row {odd[0][0]}"
    lengths = np.linalg.norm(weights, axis=1)
    off = np.flatnonzero(np.abs(lengths - 1) > TOLERANCE)
    if len(off):
        return f"rows of length 1, found {lengths[off[0]]:.4g} of row {off[0]}"
    return None


def _wrong_owners(owners: NDArray[Any], n_way: int) -> str | None:
    expected = f"owners of whole numbers from {DISTRACTOR} to {n_way - 1}"
    if len(owners) and owners.dtype.kind not in "iu":
        return f"{expected}, found values of type {owners.dtype}"
    odd = np.flatnonzero((owners < DISTRACTOR) | (owners >= n_way))
    return f"{expected}, found {owners[odd[0]]} of row {odd[0]}" if len(odd) else None
