"""Arrays that ship as safetensors, with a header in JSON that says what they are."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from drivemeta.errors import ModelFileError


def read_arrays(
    path: Path,
    key: str | None,
    what: str,
    fields: Collection[str] = (),
    arrays: Collection[str] = (),
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the header and the arrays of a file.

    Args:
        path: File.
        key: Name of the header in the file's metadata; None for a file that has none.
        what: What it holds, for messages.
        fields: What the header must have.
        arrays: Names of arrays that there must be; there may be others.

    Raises:
        ModelFileError: the file is damaged or of something else.
    """
    try:
        with safe_open(path, framework="np") as file:
            header = {} if key is None else json.loads((file.metadata() or {})[key])
            found = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
        missing = [*(set(fields) - {*header}), *(set(arrays) - {*found})]
    except (SafetensorError, KeyError, ValueError, TypeError, OSError) as error:
        raise ModelFileError(f"expected {what} in {path}: {error}") from error
    if missing:
        raise ModelFileError(f"expected {what} in {path}: it has no {', '.join(sorted(missing))}")
    return header, found
