"""The demo's clip: written as a video file, then scored while it is processed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.stream import StreamInfo
from drivemeta.demo.score import ClipScore
from drivemeta.plugins.sink.protocol import Sink
from drivemeta.plugins.sink.render import draw
from drivemeta.synthetic import Scene, SyntheticFrame, render


def write_clip(
    scene: Scene, n_frames: int, sink: Sink, done: Callable[[int], None]
) -> list[SyntheticFrame]:
    """Render the first frames of a scene into a sink of videos.

    Args:
        scene: Scene to render.
        n_frames: Number of frames.
        sink: Writes the video.
        done: Function called after each frame with the number done.

    Returns:
        What is in each frame, without its pixels.

    Raises:
        OutputError: the file cannot be written.
    """
    nothing = Tracks.untracked(Detections.empty(()))
    truths = []
    sink.open(StreamInfo("drive", (), scene.size, scene.plan.fps, n_frames), 0)
    for index in range(n_frames):
        frame = render(scene, index)
        sink.write(Frame(frame.image, index, scene.time_s(index)), nothing)
        truths.append(replace(frame, image=frame.image[:0]))
        done(index + 1)
    sink.close()
    return truths


class ScoringSink:
    """A sink that compares what is found with the truth, and keeps the frame that shows it best.

    Args:
        name: Class to score.
        truths: Truth of each frame.

    Attributes:
        score: Counts so far.
        best: Best frame with its tracks drawn, (h, w, 3) uint8 BGR; None before the first hit.
    """

    def __init__(self, name: str, truths: list[SyntheticFrame]) -> None:
        self.score = ClipScore(name)
        self.best: NDArray[np.uint8] | None = None
        self._truths, self._next = truths, 0

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin; a resumed run is scored from where it goes on."""
        self._next = resume_at

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Score one frame."""
        before = self.score.best
        self.score.add(frame.index, tracks.detections, self._truths[frame.index])
        if self.score.best > before:
            self.best = draw(frame.image, tracks)
        self._next = frame.index + 1

    def commit(self) -> int:
        """Return the index of the next frame."""
        return self._next

    def close(self) -> list[Path]:
        """Write nothing."""
        return []

    def abort(self) -> None:
        """Nothing is held open."""
