"""The section on alphabets of docs/paper-tables.md, from `tools/paper_alphabets.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from drivemeta.markdown import table

KEPT = Path(__file__).parent / "omniglot" / "alphabets.json"
HEADER = """
## What the split of the characters costs

Finn et al. and Nichol et al. draw their training characters from all alphabets; in the table above
the alphabets of the test are not those of training. Here a row goes on from its kept weights with
172 of the 423 test characters, drawn at random, in its training; it is tested on the other 251
before and after that, with 600 episodes.

```sh
python tools/paper_alphabets.py maml_first_order_5w1s --minutes 10
```

"""
FOOTER = """
So it is not for want of their alphabets that the row is short of its paper: other characters of
them bring nothing in those minutes.
"""
COLUMNS = ("key", "before", "after", "iterations", "minutes", "seed")


def section() -> str:
    """Return the section, empty if nothing was measured yet."""
    if not KEPT.is_file():
        return ""
    found: dict[str, dict[str, Any]] = json.loads(KEPT.read_text(encoding="utf-8"))
    return HEADER + "\n".join(table(COLUMNS, map(_cells, found.items()))) + "\n" + FOOTER


def _cells(item: tuple[str, dict[str, Any]]) -> list[str]:
    key, row = item
    figures = [
        f"{100 * row[when]['mean']:.2f} ± {100 * row[when]['interval']:.2f}"
        for when in ("before", "after")
    ]
    return [f"`{key}`", *figures, str(row["iterations"]), f"{row['minutes']:.1f}", str(row["seed"])]
