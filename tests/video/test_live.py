"""A camera that stalls, breaks off, restarts, changes size and codec, and sends rubbish (RTSP)."""

import math
from contextlib import closing
from itertools import pairwise

import av
import pytest

from drivemeta.plugins import default_registry
from tools.speed.live import faults, slow_pipeline, soak
from tools.speed.rtsp_server import Act, Camera, number_of, numbered

SIZES = ((96, 256), (128, 320), (160, 256))


@pytest.mark.parametrize("number", [0, 1, 12345, 65535])
def test_a_picture_bears_its_number(number):
    assert number_of(numbered(number, SIZES[0])) == number


def test_another_codec_and_size_after_the_stream_broke_off():
    acts = (Act("h264", SIZES[0], 12), Act("hevc", SIZES[1], 12))
    with closing(Camera(acts, fps=100)) as camera:
        source = default_registry().create("source", "stream", address=camera.address, pause_s=0.01)
        with closing(source):
            seen = []
            for frame in source:
                seen.append((frame.size, number_of(frame.image)))
                if len({size for size, _ in seen}) == 2 and len(seen) > 16:
                    break
        assert source.counts().n_reconnects >= 1
    assert [size for size, _ in pairwise(dict.fromkeys(size for size, _ in seen))] == [SIZES[0]]
    numbers = [number for _, number in seen]
    assert numbers == sorted(set(numbers))


def test_a_camera_that_offers_no_video_for_a_while_is_asked_again():
    acts = (Act(n_frames=12), Act(has_video=False), Act(size=SIZES[1], n_frames=12))
    with closing(Camera(acts, fps=100)) as camera:
        source = default_registry().create("source", "stream", address=camera.address, pause_s=0.01)
        with closing(source):
            sizes = []
            for frame in source:
                sizes.append(frame.size)
                if frame.size == SIZES[1]:
                    break
    assert set(sizes) == set(SIZES[:2])
    assert source.counts().n_reconnects == 1


@pytest.mark.slow
def test_a_slow_consumer_sees_what_is_new_and_the_counts_are_true(tmp_path):
    acts = (
        Act("h264", SIZES[0], 40),
        Act("hevc", SIZES[1], 40, "stall"),
        Act("h264", SIZES[2], 40, "garbage", damage=0.3),
    )
    with closing(Camera(acts, fps=50)) as camera:
        told = soak(camera, slow_pipeline(0.06), 20, tmp_path, restart_every_s=8)
        n_sent = camera.n_sent
    summary = told.summary
    assert not faults(told, most_age_s=math.inf)  # how old is for the tool: machines are busy
    assert told.sizes == set(SIZES)
    assert summary.clock.dropped > 0
    assert 2 <= summary.reconnects < camera.n_connections
    assert summary.corrupt > 0
    assert 0.5 * n_sent < summary.frames + summary.clock.dropped <= n_sent
    assert summary.clock.bottleneck() == "infer"
    assert len((tmp_path / "detections.jsonl").read_text().splitlines()) == summary.frames
    with av.open(str(tmp_path / "annotated.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == summary.frames
