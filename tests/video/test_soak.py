"""A long run in which memory must stay flat."""

import gc
from pathlib import Path

import numpy as np
import pytest

from drivemeta.core import Frame
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins import default_registry
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.video.api import run
from drivemeta.video.journal import Journal
from tests.helpers.pipelines import pipeline_of
from tests.helpers.videos import CLASSES, find_boxes

N_FRAMES, WARM, SIZE = 20_000, 5_000, (96, 160)


class Drive:
    """Gives the frames of a synthetic scene, over and over, as one long drive."""

    def __init__(self) -> None:
        scene = default_registry().create(
            "source", "synthetic", n_frames=50, height=SIZE[0], width=SIZE[1]
        )
        self._images = [frame.image for frame in scene]

    def info(self) -> StreamInfo:
        return StreamInfo("drive", (), SIZE, 25.0, N_FRAMES)

    def __iter__(self):
        for index in range(N_FRAMES):
            image = self._images[index % len(self._images)].copy()
            left = index % 100
            image[40:60, left : left + 24] = (40, 40, 230)
            image[10:30, 130:150] = (230, 60, 40)
            yield Frame(image, index, index / 25)

    def counts(self) -> SourceCounts:
        return SourceCounts()

    def close(self) -> None:
        pass


class Colours:
    """The detector of coloured boxes."""

    classes, provider = CLASSES, "cpu"

    def __init__(self) -> None:
        self.families = dict(zip(CLASSES, CLASSES, strict=True))

    def __call__(self, frames, min_score=None):
        return find_boxes(frames)


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_stays_flat_over_20000_frames(tmp_path):
    seen: list[float] = []

    def watch(summary, total):
        if summary.frames >= WARM and summary.frames % 1000 == 0:
            gc.collect()
            seen.append(resident_mb())

    registry = default_registry()
    sinks = [
        registry.create("sink", name, context=RunContext(tmp_path))
        for name in ("jsonl", "csv", "mot")
    ]
    sinks.append(registry.create("sink", "mp4", context=RunContext(tmp_path)))
    journal = Journal(tmp_path, {"run": "soak"}, CLASSES)
    summary = run(Drive(), pipeline_of(Colours(), workers=2), sinks, watch, journal)
    assert summary.frames == N_FRAMES
    assert np.median(seen[-3:]) <= 1.05 * np.median(seen[:3]), seen
