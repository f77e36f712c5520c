"""The benchmark's shortcut scores as the exported model does."""

from __future__ import annotations

from pathlib import Path

import cv2

from drivemeta.export.probe_scene import draw_scene
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.probe import RowArrays, compare_rows
from tools.fewshot.networks import on_onnx_runtime
from tools.fewshot.scenes import Scenes


def test_scenes_find_what_the_model_finds(
    lively_detector: TwoLevelDetector, tiny_model: Path, tmp_path: Path
) -> None:
    frames = [draw_scene((240, 320), seed) for seed in range(2)]
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path, frame in zip(paths, frames, strict=True):
        cv2.imwrite(str(path), frame)
    for _ in range(2):  # the second time from the folder
        base = on_onnx_runtime(lively_detector, tmp_path / "cache")
        scenes = Scenes(base, paths)
    expected = OnnxDetector(tiny_model, provider="cpu", threads=1)(frames, min_score=0.001)
    for i, wanted in enumerate(expected):
        found = scenes.detect(lively_detector.bank, i)
        rows = compare_rows(
            RowArrays(wanted.boxes, wanted.scores, wanted.labels),
            RowArrays(found.boxes, found.scores, found.labels),
        )
        assert rows.n_rows > 20
        assert rows.n_unmatched <= 2
