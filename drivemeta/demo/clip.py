"""Writing the demo's clip as a video file, and keeping what is truly in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import av.video

from drivemeta.data.synthetic import Scene, SyntheticFrame, render
from drivemeta.errors import OutputError
from drivemeta.files import atomic_path

ENCODERS = ("libx264", "libopenh264", "mpeg4")


def write_clip(
    path: Path, scene: Scene, n_frames: int, done: Callable[[], None] = lambda: None
) -> list[SyntheticFrame]:
    """Render the first frames of a scene into an MP4 file.

    Args:
        path: the file to write.
        scene: to render.
        n_frames: how many frames.
        done: is called after each frame.

    Returns:
        What is in each frame, without its pixels.

    Raises:
        OutputError: the file cannot be written, or no encoder is there.
    """
    truths: list[SyntheticFrame] = []

    def frames() -> Iterator[SyntheticFrame]:
        for index in range(n_frames):
            frame = render(scene, index)
            truths.append(replace(frame, image=frame.image[:0]))
            yield frame
            done()

    with atomic_path(path) as partial:
        encode(partial, frames(), scene.size, scene.plan.fps)
    return truths


def encode(path: Path, frames: Iterator[SyntheticFrame], size: tuple[int, int], fps: float) -> None:
    """Encode frames with the first encoder that PyAV has."""
    encoder = next((name for name in ENCODERS if name in av.codecs_available), None)
    if encoder is None:
        raise OutputError(f"expected PyAV with one of the encoders {', '.join(ENCODERS)}")
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(encoder, rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = int(size[0] * size[1] * fps * 0.25)
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame.image, format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
