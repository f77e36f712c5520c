"""Kinds of road users: what is counted, what is kept, what the page says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from drivemeta.core import Detections
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.matching import Matches
from tools.fewshot import road_page, thing_page
from tools.fewshot.road_ceiling import CeilingFinder, logistic
from tools.fewshot.road_methods import CEILING, OURS, RoadDraw
from tools.fewshot.road_scenes import BASE, PARENTS, RoadScenes, outcome_of
from tools.fewshot.road_trials import RoadStore, RoadTrial, cell

BOX = np.array([[10, 10, 50, 50]], np.float32)


def image(*names: str) -> AnnotatedImage:
    classes = [*PARENTS, *BASE]
    boxes = np.concatenate([BOX[:0], *(BOX + 60 * i for i in range(len(names)))])
    labels = np.array([classes.index(name) for name in names], np.int64)
    return AnnotatedImage(Path("x.png"), (200, 200), boxes, labels, np.zeros(len(names), np.bool_))


def found(names: tuple[str, ...], *boxes: tuple[int, float, str]) -> Detections:
    return Detections(
        np.concatenate([BOX[:0], *(BOX + 60 * place for place, _, _ in boxes)]),
        np.array([score for _, score, _ in boxes], np.float32),
        np.array([names.index(name) for _, _, name in boxes], np.int64),
        names,
    )


def test_a_kind_counts_as_its_super_class_and_alarms_are_of_frames_without_it() -> None:
    names = ("vehicle", "pedestrian", "bus")
    val = Dataset((image("bus", "vehicle"), image("vehicle"), image()), (*PARENTS, *BASE), "test")
    roads = cast(RoadScenes, SimpleNamespace(val=val))
    tree = ClassTree(names, (None, None, "vehicle"), ("base", "base", "novel"))
    seen = [
        found(names, (0, 0.9, "bus"), (1, 0.8, "vehicle")),
        found(names, (0, 0.7, "bus")),  # a car, taken for a bus
        found(names, (2, 0.3, "bus")),  # below the threshold
    ]
    finder = cast(Any, SimpleNamespace(tree=tree))
    outcome = outcome_of(roads, finder, seen, "bus", 0.5)
    assert outcome.matches["bus"].average_precision() == 1
    assert outcome.matches["vehicle"].average_precision() == pytest.approx(1)
    assert outcome.alarmed == 0.5
    assert np.isnan(outcome_of(roads, finder, seen, "bus", float("nan")).alarmed)


def trial(seed: int, hits: int, alarmed: float | None = 0.05) -> RoadTrial:
    n = 10
    outcomes = np.array([1] * hits + [0] * (n - hits))
    mine = Matches(np.arange(n), np.linspace(0.9, 0.1, n).astype(np.float32), outcomes, np.ones(n))
    facts = {"grade": "doubtful", "parent": "vehicle"}
    return RoadTrial(seed, {"bus": mine, "vehicle": mine}, alarmed, facts)


def test_trials_are_kept_and_become_figures(tmp_path: Path) -> None:
    store, draws = RoadStore(tmp_path), [RoadDraw("bus", 5, seed) for seed in range(2)]
    assert store.read(OURS, draws[0]) is None
    for draw, hits in zip(draws, (5, 10), strict=True):
        store.write(OURS, draw, trial(draw.seed, hits))
    kept = [store.read(OURS, RoadDraw("bus", 5, seed, "vehicle")) for seed in range(2)]
    mine = [one for one in kept if one is not None]
    figures = cell("bus", mine, RoadTrial(0, {"vehicle": trial(0, 5).matches["bus"]}, None, {}))
    mean, low, high = figures["ap50"]
    assert mean == pytest.approx(75, abs=1)
    assert low < mean < high
    assert figures["seeds"] == 2
    assert figures["alarms"] == [5, 5]
    assert figures["vehicle"][0] == pytest.approx(25, abs=1)


def test_the_page_gets_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "things.md"
    page.write_text(f"before\n{road_page.BEGIN}\nold\n{road_page.END}\nafter\n")
    monkeypatch.setattr(thing_page, "PAGE", page)
    mine = cell("bus", [trial(0, 5), trial(1, 5)], trial(0, 5))
    mine |= {"vehicle": [0.1, -0.2, 0.3], "pedestrian": [-0.1, -0.2, 0]}
    all_boxes = {key: mine[key] for key in ("ap50",)} | {"seeds": 1}
    part = {OURS: {"bus": {"5": mine}}, CEILING: {"bus": {"0": all_boxes}}, "machine": "a machine"}
    road_page.write_page({"shipped": part, "new": part})
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    rows = [line for line in text.splitlines() if line.startswith("| bus")]
    assert rows[0].startswith(f"| bus | {OURS} | 50")
    assert rows[0].endswith("2 draws | - |")
    assert "| +0.1 (-0.2 to +0.3) | -0.1 (-0.2 to +0.0) | 2 doubtful | 2 vehicle |" in text


def test_the_ceiling_names_what_level_1_proposes() -> None:
    torch.manual_seed(0)
    features = torch.randn(400, 6)
    wanted = (features[:, 0] + features[:, 1] > 1).float()
    weights, bias = logistic(features, wanted)
    right = ((features @ weights + bias > 0).float() == wanted).float().mean()
    assert right > 0.97
    located = SimpleNamespace(
        boxes=np.concatenate([BOX, BOX + 1, BOX + 60]),
        scores=np.array([0.9, 0.8, 0.7], np.float32),
        roots=np.array([0, 1, 2]),
    )
    detector = SimpleNamespace(
        bank=SimpleNamespace(names=("vehicle", "pedestrian", "traffic_sign")),
        scoring=SimpleNamespace(thing_scale=30.0, nms_iou=0.5),
    )
    scenes = SimpleNamespace(
        detector=detector, locate=lambda bank, index: located, scene=lambda index: None
    )

    def seen(scene: None, boxes: np.ndarray, *, things: bool) -> np.ndarray:
        assert things
        return boxes[:, :1] - 10  # 0 for the first box, 1 for the second

    finder = CeilingFinder("bus", cast(Any, seen), torch.tensor([4.0]), torch.tensor(-2.0))
    (box,) = (result := finder.detect(cast(Any, scenes), 0)).boxes
    np.testing.assert_array_equal(box, BOX[0] + 1)  # likelier, though level 1 is less sure of it
    assert list(result.names) == ["bus"]
    assert result.scores[0] == pytest.approx(0.8 / (1 + np.exp(-2)))
