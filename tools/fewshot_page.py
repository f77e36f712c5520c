"""The page `docs/few-shot.md`, written from the rows measured so far."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import torch

HEAD = """# Few-shot detection: measured

Scenes of Italian streets (`scenes/italy`, split `novel`): 12 sign classes that the base has never
seen in Italy, adapted together from a few boxes each. AP50 in percent, mean over seeds with the
95 % interval of a paired bootstrap over images and draws. A shot is a box, drawn at random whatever
its size; the draws of a seed are nested and share one query set, the images its 10-shot draw did
not use. *Base* is `traffic_sign` with all its leaves rolled up, on the same query images; *change*
is against the base before adaptation. *Seconds* is one adaptation of all 12 classes.

*Seen abroad*: the shipped base, whose level 2 has met most of these meanings on foreign crops.
*Held out by meaning*: level 2 trained without any crop of those meanings.
"""


def machine() -> str:
    """Return what ran a measurement, in words."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = models[0].split(":", 1)[1].strip() if models else cpu
    return f"{cpu}, {os.cpu_count()} cores, torch {torch.__version__.split('+')[0]}"


def write_page(page: Path, row: dict[str, Any]) -> None:
    """Put a row beside the others, or in place of the one of its name, and write the page."""
    store = page.with_suffix(".json")
    rows = json.loads(store.read_text()) if store.is_file() else {}
    rows[f"{row['row']}, {_images_of(row)}"] = row
    _replace(store, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    _replace(page, "\n".join([HEAD, *_table(rows), "", *_classes(rows), *_commands(rows)]) + "\n")


def _images_of(row: dict[str, Any]) -> str:
    return "all images" if row["half"] == "all" else f"half {row['half']}"


def _table(rows: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "| | shots | novel AP50 | base AP50 | change | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        for shots, cell in row["shots"].items():
            figures = [_interval(cell[key]) for key in ("novel", "base", "base_change")]
            lines.append(f"| {name} | {shots} | {' | '.join(figures)} | {cell['seconds']:.1f} |")
    return lines


def _interval(estimate: dict[str, float]) -> str:
    mean, low, high = (100 * estimate[key] for key in ("mean", "low", "high"))
    return f"{mean:.1f} ({low:.1f} to {high:.1f})"


def _classes(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Return a table of AP50 a class and shot count, for each row."""
    lines = []
    for name, row in rows.items():
        shots = list(row["shots"])
        lines += [f"## {name}: AP50 a class", "", f"| class | {' | '.join(shots)} |"]
        lines.append("|---" * (1 + len(shots)) + "|")
        for label in row["shots"][shots[0]]["classes"]:
            values = [f"{100 * row['shots'][n]['classes'][label]:.1f}" for n in shots]
            lines.append(f"| {label} | {' | '.join(values)} |")
        lines.append("")
    return lines


def _commands(rows: dict[str, dict[str, Any]]) -> list[str]:
    lines = ["## How it was measured", ""]
    for name, row in rows.items():
        lines.append(
            f"- {name}: `{row['command']}`; {row['images']} images, seeds 0 to "
            f"{row['seeds'] - 1}; {row['machine']}."
        )
    return lines


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
