"""The benchmark's shortcut scores as the exported model does."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from torch import nn

from drivemeta.errors import InputError
from drivemeta.export.probe_scene import draw_scene
from drivemeta.export.restore import restore
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.own.importing import ImportOptions, import_base
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.probe import RowAgreement, RowArrays, compare_rows
from tests.helpers.own_detectors import save_streets, streets, yolox_file
from tools.fewshot.networks import in_int8, on_onnx_runtime
from tools.fewshot.scenes import CropEmbedding, Scenes

Image = NDArray[np.uint8]


def write(folder: Path, frames: list[Image]) -> list[Path]:
    paths = [folder / f"frame-{i}.png" for i in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        cv2.imwrite(str(path), frame)
    return paths


def agreements(scenes: Scenes, model: Path, frames: list[Image]) -> list[RowAgreement]:
    """Compare what scenes find with what a model does, frame by frame."""
    expected = OnnxDetector(model, provider="cpu", threads=1)(frames, min_score=0.001)
    found = [scenes.detect(scenes.detector.bank, i) for i in range(len(frames))]
    rows = [[RowArrays(f.boxes, f.scores, f.labels) for f in side] for side in (expected, found)]
    return [compare_rows(one, two) for one, two in zip(*rows, strict=True)]


def test_scenes_find_what_the_model_finds(
    lively_detector: TwoLevelDetector, tiny_model: Path, tmp_path: Path
) -> None:
    frames = [draw_scene((240, 320), seed) for seed in range(2)]
    paths = write(tmp_path, frames)
    for _ in range(2):  # the second time from the folder
        base = on_onnx_runtime(lively_detector, tmp_path / "cache")
        scenes = Scenes(base, paths)
    for rows in agreements(scenes, tiny_model, frames):
        assert rows.n_rows > 20
        assert rows.n_unmatched <= 2


@pytest.mark.slow
@pytest.mark.parametrize("alone", [False, True], ids=["joined", "alone"])
def test_a_detector_of_ones_own_finds_in_scenes_as_in_its_base(
    lively_detector: TwoLevelDetector, tmp_path: Path, alone: bool
) -> None:
    save_streets(tmp_path / "streets")
    (tmp_path / "names").write_text("car\nperson\n")
    options = ImportOptions(names=tmp_path / "names", images=tmp_path / "streets", alone=alone)
    file = tmp_path / "base.onnx"
    import_base(yolox_file(tmp_path / "own.onnx"), file, options, base=lively_detector)
    frames = [image for image, _ in streets(2, seed=9)]
    base = on_onnx_runtime(restore(lively_detector, file), None)
    scenes = Scenes(base, write(tmp_path, frames))
    for index, rows in enumerate(agreements(scenes, file, frames)):
        assert rows.n_unmatched <= 2
        found = scenes.detect(base.bank, index)
        assert found.scores[found.labels == found.names.index("vehicle")].max() > 0.5


def test_int8_of_networks_without_ranges_is_refused(lively_detector: TwoLevelDetector) -> None:
    with pytest.raises(InputError, match="what ships holds for networks of the shipped base"):
        in_int8(lively_detector, None)


def test_what_is_kept_of_scenes_spares_the_networks(
    lively_detector: TwoLevelDetector, tmp_path: Path
) -> None:
    path = tmp_path / "scene.png"
    cv2.imwrite(str(path), draw_scene((240, 320), 0))

    def scenes(base: TwoLevelDetector) -> Scenes:
        seen = CropEmbedding(base.crops, base.embed, tmp_path / "seen")
        return Scenes(base, [path], seen, tmp_path / "level1")

    expected = scenes(lively_detector).detect(lively_detector.bank, 0)
    blind = lively_detector.with_(level2=nn.Identity())
    blind.level1 = nn.Identity()
    found = scenes(blind).detect(lively_detector.bank, 0)
    assert len(found) > 20
    for name in ("boxes", "scores", "labels"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
