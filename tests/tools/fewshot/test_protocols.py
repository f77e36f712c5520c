"""What is adapted to and what is scored."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from drivemeta.data.dataset import AnnotatedImage, Dataset
from tools.fewshot.protocols import Protocol, vehicles


def test_shots_and_queries_of_separate_drives_are_never_shared() -> None:
    def images(name: str, n: int) -> tuple[AnnotatedImage, ...]:
        box, label = np.array([[1, 1, 9, 9]], np.float32), np.zeros(1, np.int64)
        none = np.zeros(1, np.bool_)
        return tuple(
            AnnotatedImage(Path(f"{name}{i}"), (20, 20), box, label, none) for i in range(n)
        )

    support = Dataset(images("train", 12), ("stop",))
    truth = Dataset(images("val", 5), ("stop", "traffic_sign"))
    protocol = Protocol("vietnam", support, truth, shared=False, limit=4)
    draw = protocol.draw([1, 3], seed=0)
    assert draw.query.tolist() == [0, 1, 2, 3]
    one, three = ({image.path for image in draw.supports[n].images} for n in (1, 3))
    assert one < three
    assert protocol.boxes() == {"stop": (12, 5)}


def test_one_kind_of_vehicle_is_told_from_all_of_them(tmp_path: Path) -> None:
    names = ["car", "bus", "person"]
    content = {
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
        "images": [
            {"id": i, "file_name": f"{i}.png", "height": 90, "width": 90, "split": split}
            for i, split in enumerate(("train", "val"))
        ],
        "annotations": [
            {"id": 3 * i + j, "image_id": i, "category_id": j, "bbox": [j, j, 20, 20]}
            for i in range(2)
            for j in range(3)
        ],
    }
    (tmp_path / "bdd").mkdir()
    for i in range(2):
        cv2.imwrite(str(tmp_path / "bdd" / f"{i}.png"), np.zeros((90, 90, 3), np.uint8))
    (tmp_path / "bdd" / "annotations.json").write_text(json.dumps(content))
    protocol = vehicles(tmp_path, "bus")
    assert (protocol.names, protocol.base) == (("bus",), "vehicle")
    assert protocol.support.n_boxes() == {"bus": 1}
    assert protocol.truth.n_boxes() == {"bus": 1, "vehicle": 1}
