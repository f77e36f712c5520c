"""The rerun sink, read back by rerun."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivemeta.core import Frame, Tracks
from drivemeta.core.run import RunContext, untold
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins import default_registry
from tests.helpers.videos import CLASSES, draw_frame, find_boxes

chunks = pytest.importorskip("rerun.chunk", reason="needs the extra rerun")
N = 70


def created(folder, tell=untold, **params):
    context = RunContext(folder, tell=tell)
    sink = default_registry().create("sink", "rerun", context=context, **params)
    sink.open(StreamInfo("clip", CLASSES, (120, 160), 10.0, N), 0)
    return sink


def write(sink, frames=range(N)):
    for index in frames:
        image = draw_frame(index, (120, 160))
        found = find_boxes([image])[0]
        tracks = Tracks(found, np.arange(len(found)) + 5)
        sink.write(Frame(image, index, index / 10), tracks)


def test_pictures_boxes_and_times_come_back(tmp_path):
    sink = created(tmp_path)
    write(sink)
    (path,) = sink.close()
    check(path)


def check(path):
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


def answers(port):
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def viewer(tmp_path):
    """A viewer without a window, which saves what it gets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = shutil.which("rerun", path=str(Path(sys.executable).parent))
    saved = tmp_path / "seen.rrd"
    words = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", str(saved)]
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(words, stderr=nowhere, stdout=nowhere, start_new_session=True)

    def end(by):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, by)  # the program is a script round another one
        process.wait(20)

    until = time.monotonic() + 30
    while not answers(port) and time.monotonic() < until:
        time.sleep(0.1)
    yield f"127.0.0.1:{port}", saved, end
    end(signal.SIGKILL)


@pytest.mark.filterwarnings("ignore:RRD file has no footer")  # the viewer is stopped from outside
def test_a_viewer_that_is_open_gets_all(tmp_path, viewer):
    address, saved, end = viewer
    sink = created(tmp_path / "run", address=address)
    write(sink)
    assert sink.commit() == N
    assert sink.close() == []
    assert not (tmp_path / "run").exists()
    time.sleep(1)
    end(signal.SIGINT)
    check(saved)


def test_a_viewer_that_goes_away_is_told_and_does_not_end_the_run(tmp_path, viewer, monkeypatch):
    address, _, end = viewer
    notes = []
    sink = created(tmp_path, notes.append, address=address)
    monkeypatch.setattr(sys.modules[type(sink).__module__], "TIMEOUT_S", 2.0)
    write(sink, range(30))
    end(signal.SIGKILL)
    write(sink, range(30, N))
    assert sink.close() == []
    assert len(notes) == 1
    assert "went away; it saw nothing from about frame 30 on" in notes[0]


def test_no_viewer_and_what_is_no_address_are_told(tmp_path):
    with pytest.raises(OutputError, match=r"cannot reach a Rerun viewer at 127\.0\.0\.1:9"):
        created(tmp_path, address="127.0.0.1:9")
    with pytest.raises(InputError, match="expected HOST:PORT"):
        created(tmp_path, address="localhost")
