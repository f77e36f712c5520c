import pytest

from drivemeta.core.coco_names import COCO_NAMES, COCO_NUMBERS
from drivemeta.errors import ConfigError, InputError
from drivemeta.own.names import class_names, super_classes


def test_coco_has_80_names_and_numbers():
    assert len(COCO_NAMES) == len(set(COCO_NAMES)) == len(COCO_NUMBERS) == 80
    assert dict(zip(COCO_NAMES, COCO_NUMBERS, strict=True))["stop sign"] == 13
    assert COCO_NUMBERS[-1] == 90


@pytest.mark.parametrize(
    "text",
    [
        "car\nperson\n",
        "[car, person]",
        '["car", "person"]',
        "{0: car, 1: person}",
        "names:\n  0: car\n  1: person\n",
        '{"names": ["car", "person"]}',
    ],
)
def test_names_of_a_file(tmp_path, text):
    path = tmp_path / "names"
    path.write_text(text)
    assert class_names(path, {}) == ("car", "person")


def test_names_of_the_metadata_stand_unless_others_are_given(tmp_path):
    metadata = {"names": "{0: 'car', 1: 'person'}"}
    assert class_names(None, metadata) == ("car", "person")
    assert class_names("coco", metadata) == COCO_NAMES
    assert class_names(None, {}) is None


@pytest.mark.parametrize(("text", "said"), [("", "none"), ("car\ncar\n", "'car' twice")])
def test_files_without_names_are_refused(tmp_path, text, said):
    path = tmp_path / "names"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        class_names(path, {})


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        class_names(tmp_path / "absent", {})


def test_classes_of_coco_are_mapped():
    found = super_classes(COCO_NAMES, None)
    assert found == {
        "pedestrian": ("person",),
        "vehicle": ("car", "bus", "train", "truck"),
        "traffic_light": ("traffic light",),
    }


def test_a_map_stands_in_place_of_the_built_in_one():
    found = super_classes(("van", "car", "dog"), {"van": "vehicle"}, ["dog"])
    assert found == {"vehicle": ("van",), "dog": ("dog",)}


@pytest.mark.parametrize(
    ("mapping", "keep", "said"),
    [
        ({"vn": "vehicle"}, [], "did you mean 'van'"),
        ({"van": "vehicles"}, [], "did you mean 'vehicle'"),
        ({"van": "vehicle"}, ["van"], "has a super-class already"),
        ({}, ["vehicle"], "no class 'vehicle'"),
    ],
)
def test_what_cannot_be_mapped_is_told(mapping, keep, said):
    with pytest.raises((ConfigError, InputError), match=said):
        super_classes(("van", "dog"), mapping, keep)


def test_a_detector_of_nothing_known_is_refused():
    with pytest.raises(InputError, match="say which by --map"):
        super_classes(("cat", "dog"), None)
