"""The best view of each track as a picture."""

from __future__ import annotations

import json
import os
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import OutputError
from drivemeta.plugins.sink.jpeg import encoded_jpeg
from drivemeta.plugins.sink.privacy import Privacy


class Snapshots:
    """Writes `snapshots/`: a JPEG a track, and `index.json` that tells where each was seen.

    The best view has the greatest score times the box's shorter side, so that a sure look at
    something large wins. After a kill the pictures are taken again.

    Args:
        context: Context of the run, whose folder is written into.
        margin: Margin round the box, in parts of its size.
        quality: Quality of the JPEGs, 1 to 100.
        blur: What is made unrecognisable; see `drivemeta.plugins.sink.privacy`.
    """

    def __init__(
        self, context: RunContext, margin: float = 0.25, quality: int = 92, blur: str = ""
    ) -> None:
        self._privacy = Privacy(blur)
        self._path = context.folder / "snapshots"
        self._partial = self._path.with_name(".snapshots.part")
        self._margin, self._quality, self._open = margin, quality, False
        self._best: dict[int, dict[str, Any]] = {}
        self._written: list[Path] = []

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin anew."""
        try:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"cannot write {self._partial}: {error.strerror}") from error
        self._best, self._open = {}, True

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Keep the views that are better than those before."""
        found, picture = tracks.detections, _Once(self._privacy, frame, tracks)
        rows = zip(tracks.ids, found.names, found.scores, found.boxes, strict=True)
        for track, name, score, box in rows:
            x1, y1, x2, y2 = (float(side) for side in box)
            worth = float(score) * min(x2 - x1, y2 - y1)
            if track == UNTRACKED or worth <= self._best.get(int(track), {"worth": 0.0})["worth"]:
                continue
            self._best[int(track)] = {
                "worth": worth,
                "name": name,
                "score": round(float(score), 4),
                "frame": frame.index,
                "time_s": round(frame.time_s, 6),
                "box": [round(side, 2) for side in (x1, y1, x2, y2)],
            }
            self._save(int(track), _cut(picture.image, (x1, y1, x2, y2), self._margin))

    def commit(self) -> int:
        """Return 0: the pictures of an unfinished run are taken again."""
        return 0

    def close(self) -> list[Path]:
        """Give the folder its final name."""
        if self._open:
            rows = []
            for track, best in sorted(self._best.items()):
                shown = {key: value for key, value in best.items() if key != "worth"}
                rows.append({"id": track, "file": f"{track:06d}.jpg", **shown})
            try:
                index = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
                (self._partial / "index.json").write_text(index, encoding="utf-8")
                shutil.rmtree(self._path, ignore_errors=True)
                os.replace(self._partial, self._path)
            except OSError as error:
                raise OutputError(f"cannot write {self._path}: {error.strerror}") from error
            names = ["index.json", *(row["file"] for row in rows)]
            self._written = [self._path / name for name in names]
            self._open = False
        return self._written

    def abort(self) -> None:
        """Throw the pictures away."""
        if self._open:
            shutil.rmtree(self._partial, ignore_errors=True)
        self._open = False

    def _save(self, track: int, image: NDArray[np.uint8]) -> None:
        path = self._partial / f"{track:06d}.jpg"
        try:
            path.write_bytes(encoded_jpeg(image, self._quality))
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from error


class _Once:
    """The frame's picture, made once and only if a view of it is kept."""

    def __init__(self, privacy: Privacy, frame: Frame, tracks: Tracks) -> None:
        self._privacy, self._frame, self._tracks = privacy, frame, tracks

    @cached_property
    def image(self) -> NDArray[np.uint8]:
        return self._privacy.hidden(self._frame.image, self._tracks.detections)


def _cut(
    image: NDArray[np.uint8], box: tuple[float, float, float, float], margin: float
) -> NDArray[np.uint8]:
    x1, y1, x2, y2 = box
    side_x, side_y = (x2 - x1) * margin, (y2 - y1) * margin
    height, width = image.shape[:2]
    left, top = max(0, int(x1 - side_x)), max(0, int(y1 - side_y))
    right, bottom = min(width, round(x2 + side_x)), min(height, round(y2 + side_y))
    left, top = min(left, width - 1), min(top, height - 1)
    return np.ascontiguousarray(image[top : max(bottom, top + 1), left : max(right, left + 1)])
