"""The synthetic source: frames of a rendered road scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from drivemeta.core import Frame
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.synthetic import Plan, Scene, SyntheticFrame, render


class SyntheticSource:
    """Gives the frames of a synthetic scene, as many as requested.

    Args:
        seed: Seed of the scene; equal seeds give equal frames.
        n_frames: Number of frames; None never ends.
        height: Height of the frames in pixels.
        width: Width of the frames in pixels.
        fps: Frames a second.
        weather: `clear`, `cloudy`, `rain`, `fog`, `dusk` or `night`; by default the seed's.
        road: `urban`, `suburban`, `rural` or `motorway`; by default the seed's.
        pictograms: Sign classes that occur: `train`, `demo` or names.
        on_truth: Function called with each frame's index and what is truly in it, before the frame
            is given.

    Raises:
        InputError: a value is out of range or a name is unknown.
    """

    def __init__(
        self,
        seed: int = 0,
        n_frames: int | None = 150,
        *,
        height: int = 360,
        width: int = 640,
        fps: float = 15.0,
        weather: str | None = None,
        road: str | None = None,
        pictograms: str | Sequence[str] = "train",
        on_truth: Callable[[int, SyntheticFrame], None] | None = None,
    ) -> None:
        if n_frames is not None and n_frames < 1:
            raise InputError(f"n_frames: expected 1 or more, found {n_frames}")
        if fps <= 0:
            raise InputError(f"fps: expected more than 0, found {fps}")
        plan = Plan(weather=weather, kind=road, fps=fps)
        self.scene = Scene(seed, (height, width), pictograms, plan)
        self._n_frames, self._on_truth, self._closed = n_frames, on_truth, False

    def info(self) -> StreamInfo:
        """Describe the stream."""
        scene = self.scene
        return StreamInfo(f"synthetic-{scene.seed}", (), scene.size, scene.plan.fps, self._n_frames)

    def __iter__(self) -> Iterator[Frame]:
        """Render the frames one by one, from the first."""
        index = 0
        while not self._closed and (self._n_frames is None or index < self._n_frames):
            truth = render(self.scene, index)
            if self._on_truth is not None:
                self._on_truth(index, truth)
            yield Frame(truth.image, index, self.scene.time_s(index))
            index += 1

    def counts(self) -> SourceCounts:
        """Nothing is counted."""
        return SourceCounts()

    def close(self) -> None:
        """End the stream."""
        self._closed = True
