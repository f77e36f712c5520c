"""How sources become super-classes; the real ones where the data lies beside the checkout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drivemeta.errors import InputError
from drivemeta.training.base.sources import (
    COMPLETE,
    NONE,
    SOURCES,
    SUPER_CLASSES,
    load_source,
    to_dataset,
)

SCENES = Path(__file__).parents[4] / "shared" / "data" / "scenes"


def put_source(root: Path, name: str, boxes: list[tuple[str, list[float]]]) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    Image.new("RGB", (200, 200)).save(folder / "a.png")
    names = sorted({category for category, _ in boxes})
    data = {
        "images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 200, "split": "val"}],
        "categories": [{"id": i, "name": category} for i, category in enumerate(names)],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": names.index(category), "bbox": box}
            for i, (category, box) in enumerate(boxes)
        ],
    }
    (folder / "annotations.json").write_text(json.dumps(data))


def test_a_rider_joins_the_cycle_below_and_a_lone_cycle_is_ignored(tmp_path: Path) -> None:
    boxes = [
        ("rider", [50, 20, 20, 60]),
        ("bike", [40, 50, 40, 40]),
        ("motor", [150, 50, 30, 30]),
        ("train", [0, 0, 20, 20]),
        ("rider", [100, 20, 10, 30]),
    ]
    put_source(tmp_path, "bdd", boxes)
    (image,) = load_source(tmp_path, "bdd", "val")
    names = [SUPER_CLASSES[label] for label in image.labels]
    assert names == ["cyclist", "cyclist", "vehicle", "cyclist"]
    assert image.ignore.tolist() == [False, True, False, False]
    np.testing.assert_allclose(image.boxes[0], [40, 20, 80, 90])
    np.testing.assert_allclose(image.boxes[3], [100, 20, 110, 50])
    scored = to_dataset([image])
    assert scored.n_boxes() == {
        "vehicle": 1,
        "pedestrian": 0,
        "cyclist": 2,
        "traffic_light": 0,
        "traffic_sign": 0,
    }
    assert scored.images[0].ignore.sum() == len(SUPER_CLASSES)


def test_a_person_on_a_bicycle_is_a_cyclist_in_coco(tmp_path: Path) -> None:
    boxes = [
        ("person", [50, 20, 20, 60]),
        ("bicycle", [40, 50, 40, 40]),
        ("person", [150, 20, 20, 60]),
        ("kite", [0, 0, 20, 20]),
    ]
    put_source(tmp_path, "coco", boxes)
    (image,) = load_source(tmp_path, "coco")
    assert [SUPER_CLASSES[label] for label in image.labels] == ["cyclist", "pedestrian"]


def test_leaves_and_coverage_of_signs_only_sources(tmp_path: Path) -> None:
    put_source(tmp_path, "italy", [("SEMAFORO", [5, 5, 20, 20])])
    (image,) = load_source(tmp_path, "italy")
    assert image.leaves == ("SEMAFORO",)
    assert image.labels.tolist() == [image.sign_label]
    assert image.coverage.tolist() == [NONE] * 4 + [COMPLETE]
    assert not image.mirror


def test_unknown_names_are_refused_with_a_hint(tmp_path: Path) -> None:
    put_source(tmp_path, "kitti", [("Car", [5, 5, 20, 20])])
    with pytest.raises(InputError, match="did you mean 'kitti'"):
        load_source(tmp_path, "kiti")
    with pytest.raises(InputError, match=r"split 'test'.*val"):
        load_source(tmp_path, "kitti", "test")


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_real_sources_load(name: str) -> None:
    if not (SCENES / name).is_dir():
        pytest.skip("needs the data beside the checkout")
    for split in ("train", "val"):
        images = load_source(SCENES, name, split)
        labels = np.concatenate([image.labels[~image.ignore] for image in images])
        covered = images[0].coverage > NONE
        assert covered[np.unique(labels)].all()
