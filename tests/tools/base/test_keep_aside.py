"""Frames kept aside from training: whole groups of frames that look alike, and no others."""

import json

import cv2
import numpy as np
import pytest

from drivemeta.training.base.sources import load_source
from tools.base import keep_aside


def write_source(folder, n_drives=4):
    """Write a source of drives of two frames, one cyclist each, and a frame without."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    images, boxes = [], []
    for drive in range(n_drives + 1):
        scene = cv2.resize(rng.integers(0, 256, (12, 40, 3), dtype=np.uint8), (400, 120))
        for frame in range(2 if drive < n_drives else 1):
            name = f"kitti_{drive}{frame}.png"
            cv2.imwrite(str(folder / "images" / name), np.roll(scene, 3 * frame, 1))
            entry = {"id": len(images) + 1, "file_name": name, "width": 400, "height": 120}
            images.append({**entry, "split": "train"})
            if drive < n_drives:
                box = {"id": len(boxes) + 1, "image_id": len(images), "category_id": 1}
                boxes.append({**box, "bbox": [10, 10, 20, 40], "area": 800})
    categories = [{"id": 1, "name": "Cyclist"}]
    found = {"images": images, "annotations": boxes, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(found))


@pytest.mark.parametrize(("drives", "n_aside"), [(False, 4), (True, 3)])
def test_frames_of_one_drive_are_kept_aside_together(tmp_path, monkeypatch, drives, n_aside):
    folder = tmp_path / "kitti-more"
    write_source(folder)
    words = ["keep_aside", str(folder), "--share", "0.3"]
    monkeypatch.setattr("sys.argv", [*words, "--drives"] if drives else words)
    keep_aside.main()
    aside = [i.path.stem for i in load_source(tmp_path, "kitti-more", "val")]
    kept = [i.path.stem for i in load_source(tmp_path, "kitti-more", "train")]
    assert len(aside) == n_aside
    assert not set(aside) & set(kept)
    assert "kitti_40" in kept  # no cyclist
    if not drives:
        assert not {name[:-1] for name in aside} & {name[:-1] for name in kept}
