"""The page `docs/few-shot.md`, written with its plots from the rows measured so far."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from drivemeta.files import write_text
from drivemeta.markdown import table
from tools.fewshot.plot import draw_plot

Row = dict[str, Any]

HEAD = """# Few-shot detection: measured

AP50 in percent, mean over seeds with the 95 % interval of a paired bootstrap over images and draws.
A shot is a box, drawn at random whatever its size; the draws of a seed are nested (1 in 3 in 5 in
10) and share one query set. All novel classes of a problem are adapted together and scored together
with the base. Every method gets the same images, the same draws and the same evaluator.

- *novel*: mean over the novel classes.
- *base*: their super-class with its leaves rolled up, on the same query images; *change* is against
  the base before adaptation.
- *roads*: change of the mean over the super-classes on BDD validation images, none of which shows
  a novel class by name.
- *seeds*: ten; five of *fine-tuned level 1*, one trial of which takes two minutes or more.
- How long adapting takes is in [benchmarks.md](benchmarks.md).
- *Level 1 before*: not measured again since level 1 was
  [last trained](lab/training.md#four-times-the-us-roads), so *base before* differs.
"""

PROBLEMS = {
    "italy": """Scenes of Italian streets (`scenes/italy`, split `novel`): 12 sign classes that the
base has never seen in Italy. The query images are those that the 10-shot draw of a seed did not
use. Our settings were chosen on half A; those of the peers are first guesses, not tuned, here and
below. Half B is reported. (`crop_power` went from 0.15 to 0.1 by the table of half A, but why it
had to was seen on half B, see [training.md](training.md).) *Seen abroad*: the shipped base, whose
level 2 has met most of these meanings on foreign crops. *Held out by meaning*: level 2, and the
named banks used as distractors, made without any crop of those meanings from any country.""",
    "vietnam": """Dashcam frames of a country that neither level has met (`scenes/vietnam`): shots
from the drives of `train`, scored on the drives of `val`. Scored are the classes with at least 10
boxes to draw from and 3 to be found, listed below. Not every sign is annotated there, so a hit may
count as a miss, and all figures are lower bounds. Few boxes are to be found: the intervals are
wide.""",
    "lights": """Red and green lights (`scenes/lights-asia`): shots from `train`, scored on `val`.
*States known*: the shipped base, whose level 2 was trained on light states. Both are kinds that it
has, so that shots extend them, and the mean of some shots, as `protonet` makes it, is
[held back](adapting.md#extending-a-class-of-the-base) more than a row of each shot (`matching`) or
a layer of its own. *No lights known*: level 2 trained without any traffic light. Some lights are
not annotated. With 78 boxes to be found the intervals are wide: this table says little beyond the
order of magnitude.""",
}


def write_page(page: Path, row: Row) -> None:
    """Put a row beside the others, or in place of the one of its name, and write page and plots."""
    store = page.with_suffix(".json")
    rows = json.loads(store.read_text(encoding="utf-8")) if store.is_file() else {}
    rows = {key: kept for key, kept in rows.items() if "protocol" in kept}
    rows[f"{row['protocol']} | {row['base']} | {row['method']}"] = row
    write_text(store, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    lines = [HEAD]
    for protocol in dict.fromkeys(kept["protocol"] for kept in rows.values()):
        mine = [kept for kept in rows.values() if kept["protocol"] == protocol]
        lines += _section(page, protocol, mine, row["level1"])
    write_text(page, "\n".join([*lines, *_commands(rows)]) + "\n")


def _section(page: Path, protocol: str, rows: list[Row], level1: str) -> list[str]:
    """Return the lines of one problem: text, plot, table, methods, classes."""
    figure = Path("figures") / f"few-shot-{protocol.replace(', ', '-').replace(' ', '-')}.png"
    measured = [row for row in rows if "shots" in row]
    lines = [f"## {protocol[0].upper()}{protocol[1:]}", "", PROBLEMS[protocol.split(",")[0]], ""]
    if measured:
        draw_plot(page.parent / figure, measured, protocol)
        lines += [f"![Novel AP50 over shots, {protocol}]({figure.as_posix()})", ""]
        lines += [*_table(measured, level1), ""]
    for row in rows:
        if "error" in row:
            lines.append(f"- {row['base']}, {row['method']} failed: {row['error']}")
    lines += ["What the rows are:", ""]
    summaries = {row["method"]: row["summary"] for row in rows}
    lines += [f"- *{method}*: {summary}." for method, summary in summaries.items()]
    return [*lines, "", *_classes(measured)]


def _table(rows: list[Row], level1: str) -> list[str]:
    """Return the table; rows of another level 1 than the one given are marked."""
    roads = any("roads_change" in cell for row in rows for cell in row["shots"].values())
    head = ["base", "method", "shots", "novel", "base before", "base after", "change"]
    head += ["roads"] * roads + ["seeds"]
    lines = []
    for row in rows:
        for shots, cell in row["shots"].items():
            figures = [_interval(cell["novel"]), _percent(cell["base_before"])]
            figures += [_interval(cell["base"]), _interval(cell["base_change"])]
            if roads:
                figures.append(_interval(cell["roads_change"]) if "roads_change" in cell else "")
            old = row.get("level1") != level1
            base = f"{row['base']}, level 1 before" if old else row["base"]
            lines.append([base, row["method"], shots, *figures, str(row["seeds"])])
    return table(head, lines)


def _percent(estimate: dict[str, float]) -> str:
    return f"{100 * estimate['mean']:.1f}"


def _interval(estimate: dict[str, float]) -> str:
    mean, low, high = (100 * estimate[key] for key in ("mean", "low", "high"))
    return f"{mean:.1f} ({low:.1f} to {high:.1f})"


def _classes(rows: list[Row]) -> list[str]:
    """Return a table of AP50 a class and shot count, for the first method of each base."""
    lines = []
    for base in dict.fromkeys(row["base"] for row in rows):
        row = next(row for row in rows if row["base"] == base)
        shots = list(row["shots"])
        lines += [f"### {row['protocol']}, {base}, {row['method']}: AP50 a class", ""]
        of_classes = []
        for label in row["shots"][shots[0]]["classes"]:
            values = [f"{100 * row['shots'][n]['classes'][label]:.1f}" for n in shots]
            of_classes.append([label, *row["boxes"][label], *values])
        lines += [*table(["class", "boxes to draw from", "to find", *shots], of_classes), ""]
    return lines


def _commands(rows: dict[str, Row]) -> list[str]:
    lines = ["## How it was measured", ""]
    commands: dict[tuple[str, str], list[str]] = {}
    for row in rows.values():
        name = f"{row['protocol']}, {row['base']}, {row['method']} (seeds 0 to {row['seeds'] - 1})"
        commands.setdefault((row["command"], row["machine"]), []).append(name)
    for (command, on), names in commands.items():
        lines += [f"`{command}`, on {on}:", "", *(f"- {name}" for name in names), ""]
    return lines[:-1]
