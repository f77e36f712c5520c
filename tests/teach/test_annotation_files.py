"""What is exported is read again, by the readers of `adapt`, as it was."""

import numpy as np
import pytest

from drivemeta.data.readers import read_annotations
from drivemeta.teach.annotation_files import WRITERS
from drivemeta.teach.state import Box, State
from tests.helpers.teach import facts, paint_frames

STATE = State(
    boxes=(
        Box(1, "drive", 3, (10, 20, 30, 40), "stop", 1),
        Box(2, "drive", 3, (50.5, 20, 80, 44.25), "<b>né & co", 2),
        Box(3, "other", 8, (0, 0, 160, 120), "stop", 3),
    ),
    classes=("stop", "<b>né & co"),
    next_id=4,
)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_what_is_written_is_read(name, tmp_path):
    paint_frames(tmp_path / "project", STATE)
    path = WRITERS[name](tmp_path / "out", STATE, facts, tmp_path / "project")
    found = read_annotations(path)
    assert found.classes == STATE.classes
    assert [image.path.name for image in found.images] == ["drive_000003.png", "other_000008.png"]
    boxes = np.concatenate([image.boxes for image in found.images])
    np.testing.assert_allclose(boxes, [box.xyxy for box in STATE.boxes], atol=0.02)
    assert np.concatenate([image.labels for image in found.images]).tolist() == [0, 1, 0]
