"""The table of sign meanings: complete, without doubles, and right where it matters."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from drivemeta.data.meanings import (
    SOURCES,
    excluded_classes,
    load_meanings,
    meaning_of,
    meanings_of,
)
from drivemeta.errors import InputError

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
CROPS = [source for source in SOURCES if source != "italy"]


def _listed(source: str) -> list[str]:
    groups = [*load_meanings().values(), excluded_classes()]
    return [class_id for members in groups for class_id in members.get(source, ())]


@pytest.mark.parametrize("source", SOURCES)
def test_no_class_is_listed_twice(source: str) -> None:
    doubles = [name for name, count in Counter(_listed(source)).items() if count > 1]
    assert doubles == []


def test_names_are_snake_case() -> None:
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in load_meanings())


@needs_data
@pytest.mark.parametrize("source", CROPS)
def test_every_crop_class_has_its_place(source: str) -> None:
    classes = json.loads((SHARED / "signs" / source / "classes.json").read_text("utf-8"))
    assert classes.keys() - set(_listed(source)) == set()
    mixed = {name for name, entry in classes.items() if entry["mixed"]}
    assert mixed <= set(excluded_classes().get(source, ()))


@needs_data
@pytest.mark.parametrize("scenes", ["italy", "vietnam"])
def test_every_scene_category_has_its_place(scenes: str) -> None:
    coco = json.loads((SHARED / "scenes" / scenes / "annotations.json").read_text("utf-8"))
    assert {category["name"] for category in coco["categories"]} - set(_listed(scenes)) == set()


@needs_data
def test_held_out_meanings_of_italy_are_all_named() -> None:
    splits = json.loads((SHARED / "scenes" / "italy" / "splits.json").read_text("utf-8"))
    novel, base = splits["dev_novel"], splits["base"]
    assert len(meanings_of("italy", novel)) == len(novel)
    assert meanings_of("italy", novel).isdisjoint(meanings_of("italy", base))


@pytest.mark.parametrize(
    ("source", "class_id", "meaning"),
    [
        ("germany", "17", "no_entry"),
        ("belgium", "22", "no_entry"),
        ("china_tt100k", "pne", "no_entry"),
        ("vietnam", "cam-di-nguoc-chieu", "no_entry"),
        ("italy", "SENSO VIETATO", "no_entry"),
        ("italy", "SEMAFORO", "traffic_lights_ahead"),
        ("china_tsrd", "39", "curve_left"),
    ],
)
def test_meaning(source: str, class_id: str, meaning: str) -> None:
    assert meaning_of(source, class_id) == meaning


@pytest.mark.parametrize(("source", "class_id"), [("germani", "01"), ("germany", "99")])
def test_unknown_class_is_an_input_error(source: str, class_id: str) -> None:
    with pytest.raises(InputError, match="germany"):
        meaning_of(source, class_id)
