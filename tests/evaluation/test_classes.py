"""Matching the categories of the data to the classes of the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.errors import ConfigError, InputError
from drivemeta.evaluation.classes import ClassTree, left_out, match_classes, read_class_map

TREE = ClassTree(("vehicle", "traffic_sign", "stop"), (None, None, "traffic_sign"), ("base",) * 3)


def data(*classes: str, boxes: Sequence[int] = ()) -> Dataset:
    """Return an image with a box of each class, or of the labels given."""
    labels = np.array(boxes or range(len(classes)), np.int64)
    n = len(labels)
    box = np.tile(np.float32([1, 2, 8, 9]), (n, 1))
    image = AnnotatedImage(Path("0.png"), (20, 20), box, labels, np.zeros(n, bool))
    return Dataset((image,), classes, Path("a.json"))


def test_names_match_whatever_their_spelling_and_others_are_left_out() -> None:
    found = match_classes(data("Traffic Sign", "car", "STOP"), TREE)
    assert found == {"Traffic Sign": "traffic_sign", "STOP": "stop"}


def test_the_map_adds_to_the_names(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("car: vehicle\nbus: vehicle\n")
    mapping = read_class_map(path)
    assert match_classes(data("car", "bus", "stop"), TREE, mapping) == {
        "car": "vehicle",
        "bus": "vehicle",
        "stop": "stop",
    }


def test_faults_come_all_at_once_with_hints() -> None:
    with pytest.raises(ConfigError) as raised:
        match_classes(data("car"), TREE, {"cars": "vehicle", "car": "vehicel"})
    assert "did you mean 'car'" in str(raised.value)
    assert "did you mean 'vehicle'" in str(raised.value)
    with pytest.raises(InputError, match=r"a\.json.*none of its categories"):
        match_classes(data("car"), TREE)


def test_categories_left_out_are_counted() -> None:
    dataset = data("stop", "dog", "cat", boxes=[0, 1, 1])
    assert left_out(dataset, match_classes(dataset, TREE)) == {"dog": 2, "cat": 0}


def test_data_without_a_box_of_the_model_is_refused() -> None:
    with pytest.raises(InputError, match=r"a\.json: expected boxes of stop, found dog 2; name"):
        match_classes(data("stop", "dog", "cat", boxes=[1, 1]), TREE)


@pytest.mark.parametrize("text", ["- a", "car: [1]", "5", "{"])
def test_a_map_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"map\.yaml"):
        read_class_map(path)
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        read_class_map(tmp_path / "none.yaml")
