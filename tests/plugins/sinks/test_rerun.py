"""The rerun sink, read back by rerun."""

import cv2
import numpy as np
import pytest

from drivemeta.core import Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins import default_registry
from tests.helpers.videos import CLASSES, draw_frame, find_boxes

chunks = pytest.importorskip("rerun.chunk", reason="needs the extra rerun")
N = 70


def test_pictures_boxes_and_times_come_back(tmp_path):
    sink = default_registry().create("sink", "rerun", context=RunContext(tmp_path))
    sink.open(StreamInfo("clip", CLASSES, (120, 160), 10.0, N), 0)
    for index in range(N):
        image = draw_frame(index, (120, 160))
        found = find_boxes([image])[0]
        tracks = Tracks(found, np.arange(len(found)) + 5)
        sink.write(Frame(image, index, index / 10), tracks)
    (path,) = sink.close()
    rows = {"/camera": [], "/camera/objects": []}
    for chunk in chunks.RrdReader(str(path)).stream().to_chunks():
        rows[str(chunk.entity_path)] += chunk.to_record_batch().to_pylist()
    pictures = [row for row in rows["/camera"] if row.get("EncodedImage:blob")]
    assert [row["frame"] for row in pictures] == list(range(N))
    assert pictures[7]["time"].total_seconds() == pytest.approx(0.7)
    blob = np.array(pictures[7]["EncodedImage:blob"][0], np.uint8)
    picture = cv2.imdecode(blob, cv2.IMREAD_COLOR)
    assert np.abs(picture.astype(int) - draw_frame(7, (120, 160))).mean() < 6
    assert [row["frame"] for row in rows["/camera/objects"]] == list(range(N))
    named = [row for row in rows["/camera"] if row.get("AnnotationContext:context")]
    assert [row["frame"] for row in named] == [0]
    first = rows["/camera/objects"][0]
    assert first["Boxes2D:labels"] == ["vehicle 0.90 #5", "sign 0.90 #6"]
    x1, y1, x2, y2 = find_boxes([draw_frame(0, (120, 160))])[0].boxes[0]
    assert first["Boxes2D:centers"][0] == pytest.approx([(x1 + x2) / 2, (y1 + y2) / 2])
