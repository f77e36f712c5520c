"""Video files whose containers say more than one picture after the other."""

import shutil
import subprocess

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

from drivemeta.errors import InputError, VideoError
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.video.opening import open_source
from tests.helpers.containers import (
    MIRRORED,
    TURNED,
    TURNED_AND_MIRRORED,
    UPRIGHT,
    UPSIDE_DOWN,
    add_cover,
    cut_by_edit_list,
    ffprobe_times,
    set_matrix,
    set_stamps,
    with_stamps_of_decoding,
    write_plainly,
)
from tests.helpers.videos import draw_frame, encode_video

SIZE = (96, 160)
EVEN = [100 * i for i in range(20)]
B_FRAMES = {"bf": "3", "b-adapt": "0", "preset": "medium"}


@pytest.fixture
def write(tmp_path):
    """Write 20 frames, 10 a second, into a file of that name."""

    def written(name="clip.mp4", size=SIZE, **options):
        images = (draw_frame(i, size) for i in range(len(EVEN)))
        return encode_video(tmp_path / name, images, EVEN, fps=10, options=options or {"bf": "0"})

    return written


def times_of(source):
    return [frame.time_s for frame in source]


def test_a_cover_picture_is_no_video(write):
    path = add_cover(write(), cv2.imencode(".jpg", np.zeros((40, 40, 3), np.uint8))[1].tobytes())
    with av.open(str(path)) as container:  # where the cover comes first
        assert container.streams.video[0].height == 40
    source = open_source(path)
    assert source.info().frame_size == SIZE
    assert times_of(source) == pytest.approx([t / 1000 for t in EVEN])
    assert source.counts() == SourceCounts()


def test_a_cover_picture_alone_is_refused(tmp_path):
    path = tmp_path / "song.mka"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.height, stream.width, stream.pix_fmt = 40, 40, "yuvj420p"
        stream.disposition = Disposition.attached_pic
        black = av.VideoFrame.from_ndarray(np.zeros((40, 40, 3), np.uint8), format="bgr24")
        container.mux(stream.encode(black))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        if not container.streams.video[0].disposition & Disposition.attached_pic:
            pytest.skip("this FFmpeg writes no cover into Matroska")
    with pytest.raises(VideoError, match="cover picture and no video"):
        open_source(path)


def write_two_tracks(path, default):
    """Write tracks of 48 and 96 lines, one of which the file calls its default."""
    with av.open(str(path), "w") as container:
        streams = []
        for number, height in enumerate((48, 96)):
            stream = container.add_stream("mpeg4", rate=10)
            stream.height, stream.width, stream.pix_fmt = height, 96, "yuv420p"
            stream.disposition = Disposition.default if number == default else Disposition(0)
            streams.append(stream)
        for index in range(5):
            for stream in streams:
                image = draw_frame(index, (stream.height, stream.width))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        for stream in streams:
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize("default", [0, 1])
def test_of_several_tracks_the_default_one_is_read_and_said(tmp_path, default):
    path = write_two_tracks(tmp_path / "two.mkv", default)
    source = open_source(path)
    assert source.info().frame_size == ((48, 96), (96, 96))[default]
    (note,) = source.counts().notes
    assert f"track {default} was taken" in note
    assert "0 (96x48" in note
    assert "--set file.track=N" in note
    other = open_source(path, settings={"file": {"track": 1 - default}})
    assert {frame.size for frame in other} == {((48, 96), (96, 96))[1 - default]}
    assert other.counts().notes == ()


def test_a_track_that_is_not_there_is_refused(tmp_path):
    path = write_two_tracks(tmp_path / "two.mkv", 0)
    with pytest.raises(VideoError, match=r"no video track 7, but 0 \(96x48, default\), 1 \(96x96"):
        open_source(path, settings={"file": {"track": 7}})


AS_SHOWN = {  # what becomes of a picture by its matrix
    "upright": (UPRIGHT, lambda image: image),
    "mirrored": (MIRRORED, lambda image: image[:, ::-1]),
    "upside down": (UPSIDE_DOWN, lambda image: image[::-1]),
    **{
        f"turned by {degrees}": (matrix, lambda image, k=-degrees // 90: np.rot90(image, k))
        for degrees, matrix in TURNED.items()
    },
    "transposed": (TURNED_AND_MIRRORED[90], lambda image: image.swapaxes(0, 1)),
    "transposed the other way": (
        TURNED_AND_MIRRORED[270],
        lambda image: image[::-1, ::-1].swapaxes(0, 1),
    ),
}


@pytest.mark.parametrize("how", AS_SHOWN)
def test_a_picture_is_set_upright_by_the_whole_display_matrix(write, how):
    matrix, shown = AS_SHOWN[how]
    path = set_matrix(write(), matrix)
    source = open_source(path)
    first = next(iter(source)).image
    expected = shown(draw_frame(0, SIZE))
    assert source.info().frame_size == first.shape[:2] == expected.shape[:2]
    assert np.abs(first.astype(int) - expected).mean() < 6


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs Debian's ffmpeg")
@pytest.mark.parametrize("how", AS_SHOWN)
def test_ffmpeg_shows_the_same(write, how):
    path = set_matrix(write(), AS_SHOWN[how][0])
    raw = ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    told = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), *raw], capture_output=True, check=True
    )
    first = next(iter(open_source(path))).image
    shown = np.frombuffer(told.stdout, np.uint8).reshape(first.shape)
    assert np.abs(first.astype(int) - shown).max() <= 3


STRAYS = {  # numbers of frames, and how many seconds each is off
    "to come": {8: 37_000.0},
    "past": {8: -900.0},
    "near": {8: 0.35, 14: -0.35},
    "two in a row": {8: 5_000.0, 9: -70.0},
    "first": {0: 5_000.0},
    "first, past": {0: -900.0},
    "last": {19: 5_000.0},
    "last, past": {19: -900.0},
}


@pytest.mark.parametrize("where", STRAYS)
def test_a_stray_stamp_moves_no_frame(write, where):
    begin = 1000 * 90_000
    stamps = {i: begin + 9000 * i for i in range(20)}
    stamps |= {i: stamps[i] + round(off_s * 90_000) for i, off_s in STRAYS[where].items()}
    source = open_source(set_stamps(write("clip.ts"), stamps))
    assert times_of(source) == pytest.approx([i / 10 for i in range(20)], abs=1e-3)
    if where != "last, past":  # which might as well be another clock
        (note,) = source.counts().notes
        assert f"stamps of {len(STRAYS[where])} frame" in note


def test_a_gap_is_kept_and_a_long_one_is_said(write):
    stamps = {i: 90_000 + 9000 * i + (90_000 * 70 if i > 9 else 0) for i in range(20)}
    source = open_source(set_stamps(write("clip.ts"), stamps))
    assert times_of(source)[8:12] == pytest.approx([0.8, 0.9, 71.0, 71.1])
    assert "leap by 70.0 s" in source.counts().notes[0]


def test_a_file_joined_to_one_of_earlier_stamps_goes_on(write, tmp_path):
    """FFmpeg takes their jump back for a wrap, and adds 26 hours."""
    late = set_stamps(write("late.ts"), {i: 900 * 90_000 + 9000 * i for i in range(20)})
    early = set_stamps(write("early.ts"), {i: 9 * 90_000 + 9000 * i for i in range(20)})
    path = tmp_path / "joined.ts"
    path.write_bytes(late.read_bytes() + early.read_bytes())
    source = open_source(path)
    assert times_of(source) == pytest.approx([i / 10 for i in range(40)])
    (note,) = source.counts().notes
    assert "lie at a break of the file: 1;" in note


def test_times_hold_where_a_stream_wraps(write):
    stamps = {i: (2**33 - 9 * 9000 + 9000 * i) % 2**33 for i in range(20)}
    source = open_source(set_stamps(write("clip.ts"), stamps))
    assert times_of(source) == pytest.approx([i / 10 for i in range(20)])


@pytest.mark.parametrize("name", ["clip.avi", "clip.mkv", "clip.mp4"])
def test_stamps_of_decoding_are_put_into_the_order_of_the_frames(write, tmp_path, name):
    if name == "clip.avi":  # which holds no others
        images = [draw_frame(i, SIZE) for i in range(20)]
        path = write_plainly(tmp_path / name, "libx264", images, **B_FRAMES)
    else:
        path = with_stamps_of_decoding(write("ordered.mkv", **B_FRAMES), tmp_path / name)
    source = open_source(path)
    frames = list(source)
    assert [frame.time_s for frame in frames] == pytest.approx([i / 10 for i in range(20)])
    for index in (0, 7, 19):
        off = np.abs(frames[index].image.astype(int) - draw_frame(index, SIZE))
        assert off.mean() < 6
    assert source.counts() == SourceCounts()


def test_empty_places_of_an_avi_are_no_frames(tmp_path):
    """A frame rate of 1000 fills AVI with empty places, of which each holds the frame before."""
    images = (draw_frame(i, SIZE) for i in range(20))
    path = encode_video(tmp_path / "clip.avi", images, range(0, 800, 40), fps=25, options=B_FRAMES)
    source = open_source(path)
    assert (source.info().n_frames, source.info().fps) == (20, 25)
    assert times_of(source) == pytest.approx([i / 25 for i in range(20)])
    assert not source.counts().ended_early


RAW = {"clip.h264": "libx264", "clip.hevc": "libx265", "clip.m4v": "mpeg4", "clip.mjpeg": "mjpeg"}


@pytest.mark.parametrize("name", RAW)
def test_a_raw_stream_says_that_its_rate_is_a_guess_and_takes_another(tmp_path, name):
    images = [draw_frame(i, SIZE) for i in range(12)]
    path = write_plainly(tmp_path / name, RAW[name], images)
    source = open_source(path)
    assert f"{source.info().fps:g} frames a second are a guess" in source.counts().notes[0]
    assert "--set file.fps=N" in source.counts().notes[0]
    told = open_source(path, settings={"file": {"fps": 4}})
    assert told.info().fps == 4
    assert times_of(told) == pytest.approx([i / 4 for i in range(12)])
    assert told.counts() == SourceCounts()


def test_a_rate_must_be_one(write):
    path = write()
    for fps in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="frame rate above 0"):
            open_source(path, settings={"file": {"fps": fps}})


def test_what_an_edit_list_leaves_out_is_no_loss(write):
    path = cut_by_edit_list(write(**B_FRAMES, g="20"), 3)
    source = open_source(path)
    n_frames = source.info().n_frames
    frames = list(source)
    assert len(frames) == n_frames < 20
    assert not source.counts().ended_early
    off = np.abs(frames[0].image.astype(int) - draw_frame(3, SIZE))
    assert off.mean() < 6


@pytest.mark.parametrize("suffix", ["avi", "mkv", "webm", "flv"])
def test_a_file_that_is_cut_off_says_so_where_its_header_states_a_duration(tmp_path, suffix):
    codec = "libvpx-vp9" if suffix == "webm" else "libx264"
    images, path = [draw_frame(i, SIZE) for i in range(60)], tmp_path / f"clip.{suffix}"
    if suffix == "avi":
        write_plainly(path, codec, images)
    else:
        encode_video(path, images, fps=10, codec=codec, options={})
    whole = open_source(path)
    assert len(list(whole)) == 60
    assert whole.counts() == SourceCounts()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    cut = open_source(path)
    assert 0 < len(list(cut)) < 60
    assert cut.counts().ended_early


def test_sound_that_goes_on_after_the_pictures_is_no_cut(tmp_path):
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.height, video.width, video.pix_fmt = *SIZE, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for index in range(10):
            image = av.VideoFrame.from_ndarray(draw_frame(index, SIZE), format="bgr24")
            container.mux(video.encode(image))
        for second in range(5):
            wave = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
            wave.sample_rate, wave.pts = 8000, 8000 * second
            container.mux(sound.encode(wave))
        for stream in (video, sound):
            container.mux(stream.encode())
    source = open_source(path)
    assert len(list(source)) == 10
    assert not source.counts().ended_early


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_burst_after_seconds_of_standstill_keeps_its_times(tmp_path, suffix):
    times_ms = [0, 1000, 2000, 3000, 3016, 3033, 3050, 3066, 4000, 5000, 6000, 7000]
    images = (draw_frame(i, SIZE) for i in range(len(times_ms)))
    path = encode_video(tmp_path / f"screen.{suffix}", images, times_ms, fps=60, options=B_FRAMES)
    source = open_source(path)
    assert times_of(source) == pytest.approx([t / 1000 for t in times_ms], abs=2e-3)
    assert source.counts() == SourceCounts()


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs Debian's ffmpeg")
@pytest.mark.parametrize("suffix", ["flv", "mkv", "mov", "mp4", "ts", "webm"])
def test_times_are_those_of_ffprobe(tmp_path, suffix):
    codec, options = ("libvpx-vp9", {}) if suffix == "webm" else ("libx264", B_FRAMES)
    path = encode_video(
        tmp_path / f"clip.{suffix}",
        (draw_frame(i, SIZE) for i in range(20)),
        [40 * i for i in range(20)],
        fps=25,
        codec=codec,
        options=options,
    )
    assert times_of(open_source(path)) == pytest.approx(ffprobe_times(path), abs=2e-3)


NAMES = ["2024-01-05T12:30:05.mp4", "file:a.mp4", "a%03d.mp4", "-a b?.mp4", "a#1.mp4", "é,'.mp4"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_relative", [False, True])
def test_a_file_may_have_any_name(write, tmp_path, monkeypatch, name, is_relative):
    path = write()
    path.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    source = open_source(name if is_relative else tmp_path / name)
    assert len(list(source)) == len(EVEN)


def test_a_picture_whose_name_is_a_pattern_is_itself(tmp_path):
    path = tmp_path / "a%03d.jpg"
    for name, height in ((path.name, 40), ("a001.jpg", 20)):
        picture = cv2.imencode(".jpg", np.zeros((height, 40, 3), np.uint8))[1]
        (tmp_path / name).write_bytes(picture.tobytes())
    assert [frame.size for frame in open_source(path)] == [(40, 40)]
