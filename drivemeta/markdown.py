"""Tables of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[object], rows: Iterable[Iterable[object]]) -> list[str]:
    """Return the lines of a table, each row with as many cells as the head."""
    return [table_row(head), "|" + "---|" * len(head), *map(table_row, rows)]


def table_row(cells: Iterable[object]) -> str:
    """Return the line of some cells; a bar within one does not end it."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
