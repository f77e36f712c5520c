"""Whether scenes whose networks ran before give what the exported file gives."""

from __future__ import annotations

import tempfile
from pathlib import Path

from drivemeta.data.readers.files import read_image
from drivemeta.evaluation.inference import EVALUATION_SCORE
from drivemeta.export.exporter import export_detector
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.probe import RowArrays, compare_rows
from tools.fewshot.peers.interface import BankFinder
from tools.fewshot.road_scenes import RoadScenes


def agreement(roads: RoadScenes, finder: BankFinder, n_scenes: int) -> str:
    """Return how the rows of some scenes differ from those of the exported file, in words."""
    scenes = range(0, len(roads.val), max(1, len(roads.val) // n_scenes))[:n_scenes]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_detector(roads.plain.with_(bank=finder.bank), path)
        model = OnnxDetector(path, provider="cpu", threads=1)
        lines = []
        for index in scenes:
            frame = read_image(roads.scenes.paths[index])
            (wanted,) = model([frame], min_score=EVALUATION_SCORE)
            found = finder.detect(roads.scenes, index)
            rows = compare_rows(
                RowArrays(wanted.boxes, wanted.scores, wanted.labels),
                RowArrays(found.boxes, found.scores, found.labels),
            )
            lines.append(f"scene {index}: {rows}")
    return "\n".join(lines)
