"""Files that are not as they should be: turned, joined, of changing size, jumping in time."""

from fractions import Fraction

import av
import numpy as np

from drivemeta.core.run import RunContext
from drivemeta.plugins import default_registry
from drivemeta.video.api import run
from drivemeta.video.opening import open_source
from tests.helpers.pipelines import pipeline_of
from tests.helpers.videos import draw_frame, read_video


def write_ts(path, size, n, start_s=0.0):
    """Append an MPEG transport stream to a file."""
    part = path.with_name("part.ts")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for index in range(n):
            frame = av.VideoFrame.from_ndarray(draw_frame(index, size), format="bgr24")
            frame.pts = round(start_s * 25) + index
            frame.time_base = Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with path.open("ab") as file:
        file.write(part.read_bytes())
    return path


def test_a_size_that_changes_midway_reaches_the_sinks(tmp_path, tiny_model):
    path = write_ts(tmp_path / "joined.ts", (96, 160), 6)
    write_ts(path, (120, 128), 6, start_s=6 / 25)
    sizes = [frame.size for frame in open_source(path)]
    assert sizes == [(96, 160)] * 6 + [(120, 128)] * 6
    sink = default_registry().create("sink", "mp4", context=RunContext(tmp_path / "run"))
    summary = run(open_source(path), pipeline_of(tiny_model), [sink])
    assert summary.frames == 12
    shown = [image.shape for _, image in read_video(summary.files[0])]
    assert shown == [(96, 160, 3)] * 12


def test_times_that_jump_back_go_on(tmp_path):
    path = write_ts(tmp_path / "joined.ts", (96, 160), 50)
    write_ts(path, (96, 160), 50)
    times = np.array([frame.time_s for frame in open_source(path)])
    assert len(times) == 100
    np.testing.assert_allclose(np.diff(times), 0.04, atol=1e-3)


def test_a_pattern_finds_images_in_natural_order(tmp_path):
    import cv2

    for name in ("a/10.png", "a/9.png", "b/1.jpg", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if name.endswith("txt"):
            (tmp_path / name).write_text("")
        else:
            cv2.imwrite(str(tmp_path / name), draw_frame(0, (60, 80)))
    frames = list(open_source(str(tmp_path / "*" / "*")))
    assert [frame.name for frame in frames] == ["9.png", "10.png", "1.jpg"]
