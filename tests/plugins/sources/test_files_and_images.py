"""The file and folder sources over real files, whole and damaged."""

import os
import wave
from contextlib import suppress

import av
import cv2
import numpy as np
import pytest

from drivemeta.errors import VideoError
from drivemeta.plugins import default_registry
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.video.opening import open_source
from tests.helpers.videos import draw_frame

EVEN = [40 * i for i in range(30)]
UNEVEN = [0, 40, 80, 200, 210, 500, 1000, 1040]


def times_of(path) -> list[float]:
    return [frame.time_s for frame in open_source(path)]


def test_frames_come_whole_and_timed(write_video):
    source = open_source(write_video(EVEN))
    frames = list(source)
    assert [frame.index for frame in frames] == list(range(30))
    assert [frame.time_s for frame in frames] == pytest.approx([t / 1000 for t in EVEN])
    assert all(frame.pts is not None for frame in frames)
    assert source.info().n_frames == 30
    assert source.info().frame_size == frames[0].size == (120, 160)
    assert source.counts() == SourceCounts()
    error = np.abs(frames[9].image.astype(int) - draw_frame(9, (120, 160)))
    assert error.mean() < 6


def test_a_variable_rate_is_kept(write_video):
    assert times_of(write_video(UNEVEN)) == pytest.approx([t / 1000 for t in UNEVEN])


@pytest.mark.parametrize("frames", ["0", "3"])
def test_frames_come_in_order_of_presentation_with_b_frames(write_video, frames):
    path = write_video(EVEN, options={"bf": frames, "b-adapt": "0", "preset": "medium"})
    assert times_of(path) == pytest.approx([t / 1000 for t in EVEN])


def test_other_containers(write_video):
    assert len(times_of(write_video(EVEN, name="clip.mkv"))) == 30


def test_a_clip_that_begins_late_begins_at_zero(write_video):
    assert times_of(write_video([t + 5000 for t in EVEN], "late.mkv"))[:2] == pytest.approx(
        [0, 0.04]
    )


def test_a_truncated_file_gives_what_it_has_and_says_so(write_video):
    path = write_video(EVEN, options={"g": "5"})
    path = _faststart(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    source = open_source(path)
    n = len(list(source))
    assert 5 < n < 30
    assert source.counts().ended_early


@pytest.mark.parametrize("part", [0.5, 0.7, 0.9])
def test_a_truncated_file_loses_no_frame_that_one_thread_decodes(write_video, part):
    """FFmpeg's threads drop whole frames that wait behind a damaged one at the end."""
    path = _faststart(write_video(EVEN, options={"preset": "medium", "g": "10", "bf": "3"}))
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * part)])
    source = open_source(path)
    assert [frame.pts for frame in source] == _decoded_by_one_thread(path)
    assert source.counts().n_corrupt == 1
    assert "packets that are damaged" in source.counts().notes[0]


def _decoded_by_one_thread(path):
    stamps = []
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        for packet in container.demux(video=0):
            with suppress(av.EOFError, av.InvalidDataError):
                stamps += [frame.pts for frame in packet.decode()]
    return stamps


def test_damaged_packets_are_counted_and_skipped(write_video):
    path = write_video(EVEN, options={"g": "5", "bf": "0"})
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 2500
    data[begin : begin + 1500] = bytes(1500)
    path.write_bytes(data)
    source = open_source(path)
    n = len(list(source))
    assert 5 < n <= 30
    assert source.counts().n_corrupt > 0


@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 100])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r"bad\.mp4"):
        open_source(path)


def test_sound_without_video_is_refused(tmp_path):
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(8000))
    with pytest.raises(VideoError, match=r"sound\.wav"):
        open_source(path)


def test_a_file_without_its_index_is_refused(write_video):
    path = write_video(EVEN)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(VideoError, match=r"clip\.mp4"):
        open_source(path)


def test_a_wrong_path_is_refused(tmp_path):
    with pytest.raises(VideoError, match="nowhere"):
        open_source(tmp_path / "nowhere.mp4")


def test_a_folder_comes_in_natural_order(tmp_path):
    for i in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"{i}.png"), draw_frame(i, (60, 80)))
    (tmp_path / "3.png").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("ignored")
    source = default_registry().create("source", "images", path=tmp_path, fps=4.0)
    frames = list(source)
    assert [frame.name for frame in frames] == ["1.png", "2.png", "10.png"]
    assert [frame.time_s for frame in frames][:2] == [0, 0.25]
    assert source.counts().n_corrupt == 1


def test_a_pipe_and_a_row_by_numbers_are_told_what_to_do(tmp_path):
    os.mkfifo(tmp_path / "pipe.ts")
    for place in (tmp_path / "pipe.ts", "-"):
        with pytest.raises(VideoError, match=r"found a pipe or device.*save it as a file first"):
            open_source(place)
    with pytest.raises(VideoError, match=r"a row of images is given as 'frames/\*\.png'"):
        open_source("frames/%05d.png")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(VideoError, match="none in"):
        open_source(tmp_path)


def _faststart(path):
    """Move the index before the data, so that a cut hits frames only."""
    moved = path.with_name("moved.mp4")
    with (
        av.open(str(path)) as source,
        av.open(str(moved), "w", options={"movflags": "+faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return moved
