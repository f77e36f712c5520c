"""The mp4 sink read back."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import PictureTags, StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins import default_registry
from drivemeta.plugins.sink.video_segments import kept_segments
from drivemeta.video.opening import open_source
from tests.helpers.videos import (
    CLASSES,
    draw_frame,
    find_boxes,
    read_video,
)

UNEVEN = [0.0, 0.04, 0.08, 0.2, 0.21, 0.5, 1.0, 1.04]


def write(name, folder, /, size=(120, 160), times=UNEVEN, **params):
    sink = default_registry().create("sink", name, context=RunContext(folder), **params)
    sink.open(StreamInfo("clip", CLASSES, size, 25.0, len(times)), 0)
    for index, time_s in enumerate(times):
        image = draw_frame(index, size)
        found = find_boxes([image])[0]
        ids = np.arange(len(found)) - 1
        sink.write(
            Frame(image, index, time_s, round(time_s * 1000), f"{index}"), Tracks(found, ids)
        )
    (path,) = sink.close()
    return path


@pytest.mark.parametrize("encoder", ["h264", "mpeg4"])
def test_a_video_keeps_every_frame_and_its_time(tmp_path, encoder):
    frames = read_video(write("mp4", tmp_path, encoder=encoder))
    assert [time_s for time_s, _ in frames] == pytest.approx(UNEVEN, abs=1e-3)


def test_times_hold_after_two_hours(tmp_path):
    times = [0.0, 0.033, 7199.9, 7200.0]
    frames = read_video(write("mp4", tmp_path, times=times))
    assert [time_s for time_s, _ in frames] == pytest.approx(times, abs=1e-3)


BOUNDS = [0.0, 0.5, 0.96, 1.0, 1.5, 1.96, 2.04, 4.0, 4.5]  # segments begin at 1.0, 2.04 and 4.0
WHOLE = {  # the segments there are, and the frame they reach, before each frame of BOUNDS
    **dict.fromkeys(range(4), ([], 0)),
    **dict.fromkeys(range(4, 7), (["00000000-00000003-0.mp4"], 3)),
    7: (["00000000-00000003-0.mp4", "00000003-00000006-60000.mp4"], 6),
}


def drawn(index, time_s):
    """Return what is written as a frame of the video."""
    image = draw_frame(index, (120, 160))
    return Frame(image, index, time_s), Tracks.untracked(find_boxes([image])[0])


def test_a_segment_begins_with_the_first_frame_of_each_so_many_seconds(tmp_path):
    sink = default_registry().create("sink", "mp4", context=RunContext(tmp_path), segment_s=1.0)
    sink.open(StreamInfo("clip", CLASSES, (120, 160), 25.0, len(BOUNDS)), 0)
    for index, time_s in enumerate(BOUNDS):
        if index in WHOLE:
            names = sorted(path.name for path in (tmp_path / ".annotated.segments").glob("*-*"))
            assert (names, sink.commit()) == WHOLE[index]
        sink.write(*drawn(index, time_s))
    (path,) = sink.close()
    assert sink.commit() == len(BOUNDS)
    assert [time_s for time_s, _ in read_video(path)] == pytest.approx(BOUNDS, abs=1e-3)


@pytest.mark.parametrize(
    ("resume_at", "begun_at"), [(9, 7), (7, 7), (6, 6), (5, 3), (3, 3), (2, 0)]
)
def test_a_video_goes_on_after_the_last_segment_that_lies_before_the_rest(
    tmp_path, resume_at, begun_at
):
    info = StreamInfo("clip", CLASSES, (120, 160), 25.0, len(BOUNDS))
    context = RunContext(tmp_path)
    cut, again = (
        default_registry().create("sink", "mp4", context=context, segment_s=1.0) for _ in range(2)
    )
    cut.open(info, 0)
    for index, time_s in enumerate(BOUNDS):
        cut.write(*drawn(index, time_s))
    cut.abort()
    again.open(info, resume_at)
    assert again.commit() == begun_at
    for index, time_s in list(enumerate(BOUNDS))[begun_at:]:
        again.write(*drawn(index, time_s))
    (path,) = again.close()
    assert [time_s for time_s, _ in read_video(path)] == pytest.approx(BOUNDS, abs=1e-3)


def test_segments_that_leave_a_gap_are_none(tmp_path):
    for name in ("00000000-00000003-0", "00000004-00000006-60000"):
        (tmp_path / f"{name}.mp4").touch()
    assert kept_segments(tmp_path, 9) == 3
    assert [path.stem for path in tmp_path.iterdir()] == ["00000000-00000003-0"]


def test_a_video_begins_with_its_first_frame(tmp_path):
    path = write("mp4", tmp_path, times=[5.0, 5.5, 6.25, 7.0], segment_s=1.0)
    assert [time_s for time_s, _ in read_video(path)] == pytest.approx([0, 0.5, 1.25, 2], abs=1e-3)


def test_a_browser_can_play_it(tmp_path):
    path = write("mp4", tmp_path)
    with av.open(str(path)) as container:
        assert len(container.streams) == 1
        codec = container.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # it plays while it loads


@pytest.mark.parametrize("size", [(121, 161), (120, 161), (33, 65)])
def test_odd_sizes_are_made_even(tmp_path, size):
    frames = read_video(write("mp4", tmp_path, size))
    assert len(frames) == len(UNEVEN)
    assert frames[0][1].shape == (size[0] // 2 * 2, size[1] // 2 * 2, 3)


def test_the_picture_is_the_frame_with_boxes_on_it(tmp_path):
    image = read_video(write("mp4", tmp_path))[0][1]
    error = np.abs(image.astype(int) - draw_frame(0, (120, 160)))
    assert error[90:].mean() < 8 < error[:80].max()


TAGS = {
    "square, untold": PictureTags(),
    "PAL": PictureTags(Fraction(16, 11), 5, 6, 5, is_full_range=False),
    "HD": PictureTags(Fraction(1), 1, 1, 1, is_full_range=False),
    "HDR": PictureTags(Fraction(1), 9, 16, 9, is_full_range=False),
    "full range": PictureTags(Fraction(4, 3), 1, 1, 1, is_full_range=True),
}


@pytest.mark.parametrize("kind", TAGS)
def test_shape_of_pixels_and_colours_are_those_of_the_source(tmp_path, kind):
    tags, colour = TAGS[kind], (30, 60, 220)
    sink = default_registry().create("sink", "mp4", context=RunContext(tmp_path), segment_s=1)
    sink.open(StreamInfo("clip", CLASSES, (120, 160), 10.0, tags=tags), 0)
    image = np.full((120, 160, 3), colour, np.uint8)
    for index in range(20):
        none = Tracks.untracked(Detections.empty(CLASSES))
        sink.write(Frame(image, index, index / 10), none)
    (path,) = sink.close()
    source = open_source(path)
    assert source.info().tags == tags
    for frame in source:
        assert np.abs(frame.image[60, 80].astype(int) - colour).max() <= 4


@pytest.mark.parametrize(
    ("tracker", "params", "is_drawn"),
    [("botsort", {}, False), ("none", {}, True), ("botsort", {"unconfirmed": True}, True)],
)
def test_what_the_tracker_has_not_confirmed_is_hidden_unless_asked_for(
    tmp_path, tracker, params, is_drawn
):
    context = RunContext(tmp_path, tracker=tracker)
    sink = default_registry().create("sink", "mp4", context=context, **params)
    sink.open(StreamInfo("clip", CLASSES, (120, 160), 10.0), 0)
    image = np.full((120, 160, 3), 90, np.uint8)
    box = np.array([[40, 60, 100, 100]], np.float32)
    found = Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64), CLASSES)
    sink.write(Frame(image), Tracks.untracked(found))
    sink.write(Frame(image, 1, 0.1), Tracks(found, np.zeros(1, np.int64)))
    (path,) = sink.close()
    first, second = (shown for _, shown in read_video(path))
    assert (np.abs(first.astype(int) - 90).max() > 30) == is_drawn
    assert np.abs(second.astype(int) - 90).max() > 30


def test_one_thread_encodes_so_that_the_same_frames_make_the_same_file(tmp_path):
    first = write("mp4", tmp_path / "a", segment_s=0.5).read_bytes()
    assert b" threads=1 " in first  # x264 writes down how it was told to encode
    assert write("mp4", tmp_path / "b", segment_s=0.5).read_bytes() == first
    assert b" threads=2 " in write("mp4", tmp_path / "c", threads=2).read_bytes()
    with pytest.raises(InputError, match="threads: expected 1 or more"):
        default_registry().create("sink", "mp4", context=RunContext(tmp_path), threads=0)


def test_an_unknown_encoder_is_refused(tmp_path):
    with pytest.raises(InputError, match="h264"):
        default_registry().create("sink", "mp4", context=RunContext(tmp_path), encoder="vp0")


def test_a_folder_may_have_any_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write("mp4", Path("2024-01-05T12:30:05"), name="file:%d.mp4", segment_s=0.5)
    assert [time_s for time_s, _ in read_video(path.absolute())] == pytest.approx(UNEVEN, abs=1e-3)
