"""The tables of road users in docs/things.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from drivemeta.markdown import table
from tools.fewshot.road_methods import OURS, methods
from tools.fewshot.road_scenes import BESIDE, PARENTS
from tools.fewshot.thing_page import put_between

BEGIN, END = "<!-- roads: python -m tools.fewshot.roads --page -->", "<!-- end of roads -->"
NOT_MEASURED = "-"


def write_page(results: Mapping[str, Any]) -> None:
    """Put the tables into the page, between its marks."""
    lines = [*_found(results["shipped"]), "", *_beside(results["shipped"])]
    if "new" in results:
        told = "Of kinds that neither the embedding nor the store of things has met:"
        lines += ["", told, "", *_beside(results["new"], ap50=True)]
    machines = sorted({part["machine"] for part in results.values()})
    put_between(BEGIN, END, [*lines, "", f"On {', '.join(machines)}."])


def _found(part: Mapping[str, Any]) -> list[str]:
    """Return AP50 of each kind and method by number of shots."""
    shots = _shots(part[OURS])
    head = ["kind", "method", *(f"{n}-shot" for n in shots), "all boxes"]
    rows = []
    for kind in PARENTS:
        for name in (each for each in methods if each in part):
            cells = part[name].get(kind, {})
            found = [_ap50(cells.get(n)) for n in shots]
            rows.append([kind, name, *found, _ap50(cells.get("0"), drawn=False)])
    return table(head, rows)


def _beside(part: Mapping[str, Any], *, ap50: bool = False) -> list[str]:
    """Return what else there is to say of `drivemeta adapt`."""
    head = ["kind", "shots", *(["AP50"] if ap50 else []), "alarms, %"]
    head += [f"{name}, change" for name in BESIDE]
    return table([*head, "verdicts", "found by"], _beside_rows(part[OURS], ap50=ap50))


def _beside_rows(mine: Mapping[str, Any], *, ap50: bool) -> Iterator[list[str]]:
    for kind, cells in mine.items():
        for n, cell in sorted(cells.items(), key=lambda item: int(item[0])):
            mean, worst = cell["alarms"]
            yield [
                kind,
                n,
                *([_ap50(cell)] if ap50 else []),
                f"{mean:.1f}, at most {worst:.0f}",
                *(_interval(cell[name], signed=True) for name in BESIDE),
                _counted(cell["grades"]),
                _counted(parent or "new kind" for parent in cell["parents"]),
            ]


def _shots(mine: Mapping[str, Any]) -> list[str]:
    return sorted({n for cells in mine.values() for n in cells}, key=int)


def _ap50(cell: Mapping[str, Any] | None, *, drawn: bool = True) -> str:
    if cell is None:
        return NOT_MEASURED
    draws = f", {cell['seeds']} draw{'s' * (cell['seeds'] > 1)}" if drawn else ""
    return _interval(cell["ap50"]) + draws


def _interval(values: list[float], *, signed: bool = False) -> str:
    mean, low, high = (f"{value:+.1f}" if signed else f"{value:.1f}" for value in values)
    return f"{mean} ({low} to {high})"


def _counted(words: Any) -> str:
    found = Counter(words).most_common()
    return ", ".join(f"{n} {word}" for word, n in found)
