"""A part of a stream is described, numbered and counted as what it is a part of."""

from drivemeta.core import Frame
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.video.time_window import Clipped
from tests.helpers.videos import draw_frame

SIZE = (96, 128)
COUNTS = SourceCounts(n_corrupt=3, n_reconnects=2, ended_early=True)


class Damaged:
    """A source of ten frames that has met with damage."""

    n_frames = "a name of its own, which is no count"

    def info(self) -> StreamInfo:
        return StreamInfo("damaged", (), SIZE, 10.0, 10)

    def __iter__(self):
        for index in range(10):
            yield Frame(draw_frame(index, SIZE), index, index / 10)

    def counts(self) -> SourceCounts:
        return COUNTS

    def close(self) -> None:
        pass


def test_the_part_keeps_its_times_and_counts_from_0():
    part = Clipped(Damaged(), 0.25, 0.55)
    assert [(frame.index, frame.time_s) for frame in part] == [(0, 0.3), (1, 0.4), (2, 0.5)]


def test_what_the_source_counts_is_told_and_nothing_else():
    part = Clipped(Damaged(), 0.25)
    assert part.counts() == COUNTS
    assert not hasattr(part, "n_frames")
