"""The benchmark's shortcut scores as the exported model does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivemeta.export.scene import draw_scene
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.probe import RowArrays, compare_rows

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))


@pytest.mark.usefixtures("tools")
def test_scenes_find_what_the_model_finds(
    lively_detector: TwoLevelDetector, tiny_model: Path, tmp_path: Path
) -> None:
    from fewshot_networks import embedder, on_onnx_runtime
    from fewshot_scenes import Scenes

    frames = [draw_scene((240, 320), seed) for seed in range(2)]
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path, frame in zip(paths, frames, strict=True):
        cv2.imwrite(str(path), frame)
    for _ in range(2):  # the second time from the folder
        base = on_onnx_runtime(lively_detector, tmp_path / "cache")
        scenes = Scenes(base, embedder(lively_detector), paths)
    expected = OnnxDetector(tiny_model, provider="cpu", threads=1)(frames, min_score=0.001)
    for i, wanted in enumerate(expected):
        found = scenes.detect(lively_detector.bank, i)
        rows = compare_rows(
            RowArrays(wanted.boxes, wanted.scores, wanted.labels),
            RowArrays(found.boxes, found.scores, found.labels),
        )
        assert rows.n_rows > 20
        assert rows.n_unmatched <= 2


def row(name: str) -> dict[str, Any]:
    cell = {"mean": 0.5, "low": 0.4, "high": 0.6}
    shot = {"novel": cell, "base": cell, "base_change": cell, "seconds": 1.0}
    return {
        "row": name,
        "command": "python x",
        "half": "all",
        "images": 3,
        "seeds": 2,
        "machine": "m",
        "shots": {"1": shot | {"classes": {"stop": 0.25}}},
    }


@pytest.mark.usefixtures("tools")
def test_the_page_keeps_rows_of_other_names(tmp_path: Path) -> None:
    from fewshot_page import write_page

    page = tmp_path / "few-shot.md"
    for name in ("one", "two", "one"):
        write_page(page, row(name))
    text = page.read_text()
    assert text.count("| one, all images | 1 | 50.0 (40.0 to 60.0) |") == 1
    assert text.count("| two, all images | 1 |") == 1
    assert "| stop | 25.0 |" in text
    assert len(json.loads(page.with_suffix(".json").read_text())) == 2


@pytest.mark.usefixtures("tools")
def test_halves_share_no_image() -> None:
    halves = json.loads((TOOLS / "italy_halves.json").read_text())
    first, second = set(halves["A"]), set(halves["B"])
    assert not first & second
    assert np.isclose(len(first), len(second), atol=20)
