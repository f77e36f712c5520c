"""A sink that writes lines says what they are, and nothing else."""

import numpy as np
import pytest

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins.sink.lines import LineSink

INFO = StreamInfo("clip", (), (8, 8), 10.0)


class Times(LineSink):
    file_name = "times.txt"
    header = "time objects"

    def lines(self, frame, tracks):
        yield f"{frame.time_s} {len(tracks)}"
        yield "-"


def write(sink: LineSink, indices: range) -> None:
    nothing = Tracks.untracked(Detections.empty(()))
    for index in indices:
        sink.write(Frame(np.zeros((8, 8, 3), np.uint8), index, index / 10), nothing)


def test_the_header_comes_once_and_each_line_is_ended(tmp_path):
    sink = Times(RunContext(tmp_path))
    sink.open(INFO, 0)
    write(sink, range(2))
    assert sink.close() == [tmp_path / "times.txt"]
    assert (tmp_path / "times.txt").read_text() == "time objects\n0.0 0\n-\n0.1 0\n-\n"


def test_it_goes_on_after_its_last_commit(tmp_path):
    cut = Times(RunContext(tmp_path))
    cut.open(INFO, 0)
    write(cut, range(2))
    assert cut.commit() == 2
    write(cut, range(2, 4))
    cut.abort()
    again = Times(RunContext(tmp_path))
    again.open(INFO, 2)
    assert again.commit() == 2
    write(again, range(2, 3))
    (path,) = again.close()
    assert path.read_text() == "time objects\n0.0 0\n-\n0.1 0\n-\n0.2 0\n-\n"


def test_the_user_may_name_the_file(tmp_path):
    sink = Times(RunContext(tmp_path), "mine.txt")
    sink.open(INFO, 0)
    assert sink.close() == [tmp_path / "mine.txt"]


def test_a_sink_without_lines_cannot_be_built(tmp_path):
    class Silent(LineSink):
        file_name = "silent.txt"

    with pytest.raises(TypeError, match="lines"):
        Silent(RunContext(tmp_path))
