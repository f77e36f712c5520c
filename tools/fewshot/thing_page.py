"""The tables of docs/things.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drivemeta.files import write_text
from drivemeta.markdown import table
from tools.provenance import ROOT

PAGE = ROOT / "docs" / "things.md"
BEGIN, END = "<!-- tables: python -m tools.fewshot.things write -->", "<!-- end of tables -->"
COMMANDS = """drivemeta train things configs/train_things_held.yaml
python -m tools.fewshot.things crops"""


def write_page(results: dict[str, Any]) -> None:
    """Put the tables into the page, between its marks."""
    parts = [line for part in ("kinds", "roads") for line in [*_table(results, part), ""]]
    machines = sorted({result["machine"] for result in results.values()})
    told = ["```", *COMMANDS.splitlines(), "```", "", f"On {', '.join(machines)}."]
    put_between(BEGIN, END, [*parts, *told])


def put_between(begin: str, end: str, lines: Sequence[str]) -> None:
    """Put lines into the page between two marks."""
    text = PAGE.read_text(encoding="utf-8")
    told = "\n".join([begin, "", *lines, "", end])
    write_text(PAGE, text.split(begin)[0] + told + text.split(end)[1])


def _table(results: dict[str, Any], part: str) -> list[str]:
    """Return a table whose rows are embeddings, and whose columns are what was asked."""
    asked = list(next(iter(results.values()))[part])
    rows = [
        [name, *(f"{mean:.1f} ± {width:.1f}" for mean, width in map(result[part].get, asked))]
        for name, result in results.items()
    ]
    return table(["embedding", *asked], rows)
