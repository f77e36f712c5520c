"""The videos that CVAT's tasks are about, and their frames as pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drivemeta.core.videos import UNREADABLE, open_video, upright
from drivemeta.data.readers.cvat_shapes import Task
from drivemeta.data.readers.kept import keep_picture
from drivemeta.errors import AnnotationError
from drivemeta.files import VIDEO_SUFFIXES, list_files

_LEAST_LENGTH = 0.9  # of the task's; containers and decoders count a few frames differently


def decoded(where: str, video: Path, wanted: Sequence[int]) -> dict[int, Path]:
    """Return frames of a video, by their numbers, as pictures that are kept.

    Raises:
        AnnotationError: The video cannot be read, or ends before them.
    """
    files = {}
    try:
        opened = open_video(video)
        with opened.container:
            for number, frame in enumerate(opened.container.decode(opened.stream)):
                if number in wanted:
                    files[number] = _kept(upright(frame), f"{video.stem}_{number:06d}.png")
                if number >= max(wanted):
                    break
    except UNREADABLE as error:
        raise AnnotationError(f"{where}: cannot read the video {video}: {error}") from error
    missing = [frame for frame in wanted if frame not in files]
    if missing:
        raise AnnotationError(
            f"{where}: frame {missing[0]} is annotated, but {video} ends before it; "
            "give the video that was annotated"
        )
    return files


def _kept(image: NDArray[np.uint8], name: str) -> Path:
    data = io.BytesIO()
    Image.fromarray(image[..., ::-1]).save(data, "PNG", compress_level=1)
    return keep_picture(data.getvalue(), name)


def named_video(name: str, places: Sequence[Path]) -> Path | None:
    """Return the video of that name, in whatever letters, if it is there."""
    return next(
        (p for place in places for p in videos_in(place) if p.name.casefold() == name.casefold()),
        None,
    )


def only_video(path: Path, places: Sequence[Path]) -> Path | None:
    """Return the video named like the XML, or the only one there; None if there are several."""
    there = [video for place in places for video in videos_in(place)]
    like = [video for video in there if video.stem == path.stem]
    chosen = like[:1] or there
    return chosen[0] if len(chosen) == 1 else None


def videos_in(folder: Path) -> list[Path]:
    """Return the videos of a folder."""
    return list_files(folder, VIDEO_SUFFIXES)


def check_length(path: Path, task: Task, video: Path) -> None:
    """Refuse a video of fewer frames than the task, as one of another frame rate has.

    Raises:
        AnnotationError: It has, or cannot be read.
    """
    try:
        opened = open_video(video)
        with opened.container:
            n_frames = opened.stream.frames  # 0 where the file does not tell
    except UNREADABLE as error:
        raise AnnotationError(f"{path}: cannot read the video {video}: {error}") from error
    if 0 < n_frames < _LEAST_LENGTH * (task.stop + 1):
        raise AnnotationError(
            f"{path}: {video} has {n_frames} frames, and the task goes to frame {task.stop}: "
            "another version of the video? Give the one that was annotated"
        )
