"""The clips of a project: frames by name and number, and an index that grows meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from drivemeta.errors import VideoError
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.teach.clip_index import ClipIndex
from drivemeta.teach.clips import Clip, clip_with, open_clip
from drivemeta.teach.networks import RememberingNetworks
from drivemeta.teach.seen import Rows, row_type, see

INDEX_FPS = 2.0
PAUSE_S = 0.05
Grown = Callable[[str, Rows], None]


class Footage:
    """Clips by name, what the base sees in them, and a thread that looks at them all.

    Args:
        clips: Clips by name; they are closed with this.
        folder: Folder of the index.
        base: Detector that looks.
        grown: Function called with a clip's name and new rows whenever its index grew.
        is_busy: Function that tells whether something more urgent needs the cores.

    Attributes:
        clips: Clips by name.
        networks: What looks.
        indexes: Index of each clip by its name.
        problem: What could not be looked at and why, empty where all can.
        n_urgent: Number of requests that wait for a look.
    """

    def __init__(
        self,
        clips: Mapping[str, Clip],
        folder: Path,
        base: TwoLevelDetector,
        grown: Grown,
        is_busy: Callable[[], bool],
    ) -> None:
        self.clips = clips
        self._base, self._grown, self._is_busy = base, grown, is_busy
        self.networks = RememberingNetworks(base)
        of = f"{base.digest()} {base.input_size} {row_type(base.bank).descr}"
        self.indexes = {
            name: ClipIndex(folder / name, _indexed(clip), f"{clip.digest} {of}")
            for name, clip in self.clips.items()
        }
        self.problem = ""
        self.n_urgent = 0
        self._sight, self._opening = threading.Lock(), threading.Lock()
        self._counting = threading.Lock()
        self._view = (next(iter(self.clips)), 0)
        self._ended = threading.Event()
        self._aside: dict[tuple[str, str], Clip] = {}
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)

    def start(self) -> None:
        """Begin to index."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and close the clips."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        for clip in (*self.clips.values(), *self._aside.values()):
            clip.close()

    def clip(self, name: str, frame: int = 0) -> Clip:
        """Return a clip that has a frame.

        Raises:
            InputError: there is no such clip or frame.
        """
        return clip_with(self.clips, name, frame)

    def look(self, name: str, frame: int) -> Rows:
        """Return what the base sees in a frame; it is looked at now if it was not before."""
        clip, index = self.clip(name, frame), self.indexes[name]
        self._view = (name, frame)
        if (rows := index.rows(frame)) is None:
            rows = self._see(clip, frame, urgent=True)
            index.add_frame(frame, rows)
            self._grown(name, rows)
        return rows

    def aside(self, name: str, use: str) -> Clip:
        """Return a clip opened once more, so that a use of it never seeks in the page's one."""
        with self._opening:
            if (name, use) not in self._aside:
                self._aside[name, use] = open_clip(self.clip(name).path)
            return self._aside[name, use]

    def progress(self) -> dict[str, dict[str, object]]:
        """Return how far the index of each clip is."""
        said: dict[str, dict[str, object]] = {}
        for name, index in self.indexes.items():
            end, step = self.clips[name].n_frames - 1, _step(self.clips[name])
            stretches = [(first, min(last + step - 1, end)) for first, last in index.done()]
            said[name] = {"done": index.n_done, "of": len(index.numbers), "stretches": stretches}
        return said

    def _see(self, clip: Clip, frame: int, *, urgent: bool) -> Rows:
        image = clip.frame(frame)
        with self._counting:
            self.n_urgent += urgent
        try:
            with self._sight:
                return see(self._base, self.networks, image, frame)
        finally:
            with self._counting:
                self.n_urgent -= urgent

    def _run(self) -> None:
        """Index part after part, nearest to what is viewed first."""
        while not self._ended.is_set() and (job := self._next()) is not None:
            name, part = job
            try:
                self._index_part(name, part)
            except Exception as error:  # noqa: BLE001  (the page says it, and works without)
                self.problem = f"the clips are looked at no further: {error}"
                self._grown(name, self._nothing())
                return

    def _next(self) -> tuple[str, int] | None:
        viewed, frame = self._view
        for name in sorted(self.clips, key=lambda name: name != viewed):
            part = self.indexes[name].next_part(frame if name == viewed else 0)
            if part is not None:
                return name, part
        return None

    def _index_part(self, name: str, part: int) -> None:
        clip, index, found = self.aside(name, "index"), self.indexes[name], []
        for frame in index.frames_of(part).tolist():
            while (self.n_urgent or self._is_busy()) and not self._ended.is_set():
                self._ended.wait(PAUSE_S)
            if self._ended.is_set():
                return
            known = index.rows(frame)
            try:
                found.append(self._see(clip, frame, urgent=False) if known is None else known)
            except VideoError as error:  # one damaged frame: the others are looked at
                self.problem = str(error)
        rows = np.concatenate([self._nothing(), *found])
        index.add(part, rows)
        self._grown(name, rows)

    def _nothing(self) -> Rows:
        return np.zeros(0, row_type(self._base.bank))


def _indexed(clip: Clip) -> np.ndarray:
    return np.arange(0, clip.n_frames, _step(clip), dtype=np.int64)


def _step(clip: Clip) -> int:
    return max(round(clip.fps / INDEX_FPS), 1)
