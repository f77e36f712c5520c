"""The few-shot page keeps what was measured before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2

from tools.fewshot.page import write_page


def row(method: str, level1: str = "new") -> dict[str, Any]:
    cell = {"mean": 0.5, "low": 0.4, "high": 0.6}
    keys = ("novel", "base", "base_before", "base_change", "roads_change")
    shot = dict.fromkeys(keys, cell) | {"classes": {"stop": 0.25}}
    return {
        "protocol": "italy, half B",
        "base": "seen abroad",
        "level1": level1,
        "method": method,
        "summary": "it learns",
        "command": "python x",
        "machine": "m",
        "images": 3,
        "seeds": 2,
        "boxes": {"stop": (9, 7)},
        "shots": {"1": shot, "5": shot},
    }


def test_the_page_keeps_rows_of_other_names(tmp_path: Path) -> None:
    page = tmp_path / "few-shot.md"
    write_page(page, row("old", "old"))
    for method in ("one", "two", "one"):
        write_page(page, row(method))
    failed = {key: value for key, value in row("three").items() if key != "shots"}
    write_page(page, failed | {"error": "PluginError: no rows"})
    text = page.read_text()
    assert text.count("| seen abroad | one | 1 | 50.0 (40.0 to 60.0) |") == 1
    assert text.count("| seen abroad | two | 1 |") == 1
    assert text.count("| seen abroad, level 1 before | old | 1 |") == 1
    assert "| stop | 9 | 7 | 25.0 | 25.0 |" in text
    assert "seen abroad, three failed: PluginError: no rows" in text
    assert len(json.loads(page.with_suffix(".json").read_text())) == 4
    figure = cv2.imread(str(tmp_path / "figures" / "few-shot-italy-half-B.png"))
    assert figure is not None
    assert figure.std() > 10
