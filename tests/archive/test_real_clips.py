"""On real dashcam clips, a search finds what the model detects: needs `../shared`."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from drivemeta.archive.looking import Looker
from drivemeta.archive.rows import BoxRows
from drivemeta.archive.scores import Scorer, detections_of
from drivemeta.archive.segment_file import LookedFrame, rows_of, to_table
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.model_file import read_model_file
from drivemeta.shipped import base_onnx
from drivemeta.video.opening import open_source
from tests.helpers.archives import assert_same

VIDEOS = Path(__file__).parents[3] / "shared" / "data" / "videos"
EVERY, N = 25, 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lasvegas_sthasam2.mp4", "nuscenes_mini_front.mp4"])
def test_the_hits_are_what_the_model_detects(name):
    if not (VIDEOS / name).is_file():
        pytest.skip(f"needs {VIDEOS / name}")
    model = base_onnx(["signs", "vehicles"])
    wanted = (f for f in open_source(VIDEOS / name) if f.index % EVERY == 0)
    frames = list(islice(wanted, N))
    looker = Looker(provider="cpu")
    looker.facts.check(read_model_file(model))
    looked = [LookedFrame(f.index, f.pts, f.time_s, f.size) for f in frames]
    rows = BoxRows.joined(looker([frame.image for frame in frames]))
    roots = [root for _, root in looker.facts.finders]
    rows = rows_of(to_table(name, 0, looked, rows, roots))  # as they lie in a file
    scorer = Scorer.of(read_model_file(model), 0.25)
    found = detections_of(rows, scorer(rows), scorer.bank, len(frames))
    expected = OnnxDetector(model, provider="cpu")([f.image for f in frames], 0.25)
    assert sum(map(len, expected)) > 10 * N
    assert {name for each in expected for name in each.names} - set(roots)
    for mine, theirs in zip(found, expected, strict=True):
        assert_same(mine, theirs, np.full(len(scorer.bank.classes), 0.25))
