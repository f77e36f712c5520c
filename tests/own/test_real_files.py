"""Other people's files are recognised, and drawn scenes tell the right way to read them."""

from pathlib import Path

import numpy as np
import pytest

from drivemeta.core.coco_names import COCO_NAMES
from drivemeta.own.candidates import candidates
from drivemeta.own.file import read_own
from drivemeta.own.trial import TrialFrame, try_all
from drivemeta.own.trial_frames import drawn_scene
from drivemeta.plugins import default_registry

FILES = Path(__file__).parents[3] / "shared" / "data" / "detectors"
CASES = {
    "yolox_nano": ("yolox", {"boxes": "raw", "input": "bgr 0..255"}, 4),
    "nanodet_m_416": ("nanodet", {"point": "middle"}, 2),
    "fastestdet_coco": ("fastestdet", {}, 1),
    "yolo_fastestv2_352": ("yolo_fastestv2", {}, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_real_file_is_read_the_right_way(name):
    path, (layout, choices, n_ways) = FILES / f"{name}.onnx", CASES[name]
    if not path.is_file():
        pytest.skip(f"needs {path}")
    file = read_own(path)
    ways = candidates(file, COCO_NAMES, default_registry())
    scenes = [TrialFrame(drawn_scene(seed)) for seed in range(2)]
    outcome = try_all(file, ways, scenes, np.zeros(80, np.int64))
    assert (outcome.winner.name, outcome.winner.way.choices) == (layout, choices)
    assert len(outcome.tried) == n_ways
    assert outcome.tried[0].figure > 0.5  # drawn scenes hold little that it knows
