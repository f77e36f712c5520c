"""The tables of docs/things.md."""

from __future__ import annotations

from typing import Any

from drivemeta.files import write_text
from drivemeta.markdown import table
from tools.provenance import ROOT

PAGE = ROOT / "docs" / "things.md"
BEGIN, END = "<!-- tables: python -m tools.fewshot.things write -->", "<!-- end of tables -->"


def write_page(results: dict[str, Any]) -> None:
    """Put the tables into the page, between its marks."""
    parts = [_table(results, "kinds", "embedding"), _table(results, "roads", "embedding")]
    lines = [BEGIN, "", *parts[0], "", "Road users of BDD:", "", *parts[1], "", END]
    text = PAGE.read_text(encoding="utf-8")
    write_text(PAGE, text.split(BEGIN)[0] + "\n".join(lines) + text.split(END)[1])


def _table(results: dict[str, Any], part: str, corner: str) -> list[str]:
    """Return a table whose rows are what was asked, and whose columns are embeddings."""
    names = list(results)
    asked = results[names[0]][part]
    rows = []
    for key in asked:
        cells = [results[name][part].get(key) for name in names]
        rows.append([key, *(f"{c[0]:.1f} ± {c[1]:.1f}" if c else "" for c in cells)])
    return table([corner, *names], rows)
