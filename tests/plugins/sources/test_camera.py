"""The camera source; a video stands in for the camera, for OpenCV opens both by the same call."""

import numpy as np
import pytest

from drivemeta.errors import VideoError
from drivemeta.plugins import default_registry
from drivemeta.video.opening import open_source


def test_frames_come_live_at_the_times_of_their_arrival(write_video):
    path = write_video(range(0, 400, 40))
    with_camera = default_registry().create("source", "camera", device=str(path))
    info = with_camera.info()
    assert info.live
    assert info.n_frames is None
    assert info.frame_size == (120, 160)
    frames = list(with_camera)
    assert [frame.index for frame in frames] == list(range(10))
    assert frames[0].image.shape == (120, 160, 3)
    assert frames[0].image.dtype == np.uint8
    times = [frame.time_s for frame in frames]
    assert times == sorted(set(times))
    with_camera.close()


def test_a_camera_can_be_left_at_any_frame(write_video):
    camera = default_registry().create(
        "source", "camera", device=str(write_video(range(0, 400, 40)))
    )
    for frame in camera:
        if frame.index == 3:
            camera.close()
    assert frame.index == 3


def test_a_camera_that_is_not_there_is_told_once(capfd):
    for device in ("97", "/dev/video97"):
        with pytest.raises(VideoError, match=f"expected a camera, found none: {device}"):
            open_source(f"camera:{device}")
    assert capfd.readouterr().err == ""
