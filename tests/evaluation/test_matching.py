"""Our AP at one IoU equals the library's, and its weights count images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivemeta.core import Detections
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import score_detections
from drivemeta.evaluation.matching import HIT, IGNORED, MISS, Matches, match
from drivemeta.evaluation.operating_point import match_class, operating_points

TREE = ClassTree(
    ("sign", "car", "stop", "yield"),
    (None, None, "sign", "sign"),
    ("base", "base", "novel", "novel"),
)


def random_scene(rng: np.random.Generator) -> tuple[AnnotatedImage, Detections]:
    """Return an image and detections near its boxes, near each other, and nowhere."""
    n, stray = int(rng.integers(0, 12)), int(rng.integers(0, 4))
    corner, side = rng.uniform(0, 300, (n, 2)), rng.uniform(10, 80, (n, 2))
    boxes = np.concatenate([corner, corner + side], 1).astype(np.float32)
    labels = rng.integers(0, 3, n)
    image = AnnotatedImage(Path("x"), (400, 400), boxes, labels, rng.random(n) < 0.15)
    nowhere = rng.uniform(0, 380, (stray, 4))
    found = np.concatenate([boxes + rng.normal(0, s, boxes.shape) for s in (3, 10)] + [nowhere])
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
    names = np.concatenate([labels, labels, rng.integers(0, 4, stray)])
    in_tree = np.array([2, 0, 1, 3])[names]  # the data's order of classes is not the model's
    wrong = rng.random(len(names)) < 0.15
    in_tree[wrong] = rng.integers(0, 4, wrong.sum())
    scores = rng.random(len(found)).astype(np.float32)
    return image, Detections(found.astype(np.float32), scores, in_tree, TREE.names)


@pytest.mark.parametrize("seed", range(4))
def test_ap50_equals_the_library(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images, detections = zip(*(random_scene(rng) for _ in range(30)), strict=True)
    truth = Dataset(images, ("stop", "sign", "car"))
    scores = score_detections(truth, detections, TREE)
    for score in scores.classes:
        ours = match_class(truth, detections, TREE, score.name).average_precision()
        assert score.ap50 == pytest.approx(ours, abs=1e-9)
        assert 0.3 < ours < 0.99
        assert score.ap is not None
        assert score.ap < ours
    report = scores.to_json()
    assert report["ap50"]["novel"] == scores.classes[0].ap50
    assert report["images"] == 30


def test_a_leaf_counts_for_its_super_class_on_both_sides() -> None:
    box = np.array([[10, 10, 50, 50]], np.float32)
    image = AnnotatedImage(Path("x"), (100, 100), box, np.zeros(1, np.int64), np.zeros(1, np.bool_))
    as_parent = Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64), TREE.names)
    truth = Dataset((image,), ("stop", "sign"))
    by_name = {c.name: c for c in score_detections(truth, [as_parent], TREE).classes}
    assert by_name["sign"].ap50 == pytest.approx(1)
    assert by_name["sign"].n_boxes == 1
    assert by_name["stop"].ap50 == 0


def test_weights_equal_repeated_images() -> None:
    rng = np.random.default_rng(3)
    outcomes, n_truth = [], []
    for _ in range(8):
        scores = np.sort(rng.random(5).astype(np.float32))[::-1]
        outcomes.append((scores, rng.integers(0, 2, 5)))
        n_truth.append(6)
    weights = rng.integers(0, 3, 8)
    repeated = np.repeat(np.arange(8), weights)
    weighted = Matches.collect(outcomes, n_truth).average_precision(weights.astype(float))
    again = Matches.collect([outcomes[i] for i in repeated], [6] * len(repeated))
    # Ties between copies make the curve step finer, never better than its envelope.
    assert weighted == pytest.approx(again.average_precision(), abs=0.02)
    assert np.isnan(Matches.collect(outcomes, [0] * 8).average_precision())


def test_the_best_score_takes_the_box_and_ignored_regions_count_neither_way() -> None:
    truth = np.array([[0, 0, 10, 10], [50, 50, 90, 90]], np.float32)
    boxes = np.array([[0, 0, 10, 9], [0, 0, 10, 10], [60, 60, 70, 70], [20, 20, 30, 30]])
    scores = np.array([0.5, 0.9, 0.8, 0.1], np.float32)
    ranked, outcomes = match(boxes.astype(np.float32), scores, truth, np.array([False, True]))
    assert ranked.tolist() == pytest.approx([0.9, 0.8, 0.5, 0.1])
    assert outcomes.tolist() == [HIT, IGNORED, MISS, MISS]


def test_operating_points() -> None:
    box = np.array([[10, 10, 50, 50], [60, 60, 90, 90]], np.float32)
    image = AnnotatedImage(Path("x"), (100, 100), box, np.zeros(2, np.int64), np.zeros(2, np.bool_))
    found = Detections(
        np.array([[10, 10, 50, 50], [0, 0, 5, 5]], np.float32),
        np.array([0.9, 0.8], np.float32),
        np.array([2, 2]),
        TREE.names,
    )
    points = operating_points(Dataset((image,), ("sign",)), [found], TREE, fps=10)
    assert points["sign"] == {
        "precision": 0.5,
        "recall": 0.5,
        "false_alarms_per_minute": 600.0,
        "n_detections": 2,
        "n_boxes": 2,
    }


def test_no_detections_at_all() -> None:
    image = AnnotatedImage(
        Path("x"),
        (100, 100),
        np.array([[1, 1, 9, 9]], np.float32),
        np.zeros(1, np.int64),
        np.zeros(1, np.bool_),
    )
    scores = score_detections(
        Dataset((image,), ("car", "sign")), [Detections.empty(TREE.names)], TREE
    )
    assert [c.ap50 for c in scores.classes] == [0.0, None]
    assert scores.ap50() == 0.0
    assert scores.ap50("novel") is None
