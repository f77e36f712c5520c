"""Tables for notebooks; what is not ours stands as text, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(head: Sequence[object], rows: Iterable[Iterable[object]], title: str = "") -> str:
    """Return a table as HTML.

    Args:
        head: Names of the columns.
        rows: Cells of each row.
        title: Line above it.
    """
    lines = [_row("th", head), *(_row("td", row) for row in rows)]
    caption = f"<caption>{escape(title)}</caption>" if title else ""
    return f"<table>{caption}{''.join(lines)}</table>"


def _row(tag: str, cells: Iterable[object]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"
