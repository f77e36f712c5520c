"""What is kept of the rows that were trained: small weights, and what came of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from drivemeta.files import atomic_path, write_text
from tools.papers.rows import Row

KEPT = Path(__file__).with_name("omniglot")


def weights_of(row: Row) -> Path:
    """Return the file of a row's kept weights."""
    return KEPT / f"{row.key}.safetensors"


def weights_named(kept: dict[str, Any]) -> Path:
    """Return the file of the weights that came of a row."""
    return KEPT / str(kept["weights"])


def keep(weights: Path, path: Path) -> None:
    """Store weights in half precision, which changes no figure by more than its last digit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    halves = {k: v.half() if v.is_floating_point() else v for k, v in load_file(weights).items()}
    with atomic_path(path) as partial:
        save_file(halves, partial)


def store(row: Row, kept: dict[str, Any]) -> None:
    """Keep what came of a row."""
    write_text(KEPT / f"{row.key}.json", json.dumps(kept, indent=1))


def kept_of(key: str) -> dict[str, Any] | None:
    """Return what came of a row, None if it was not trained yet."""
    path = KEPT / f"{key}.json"
    if not path.is_file():
        return None
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept
