"""CVAT for video 1.1: tracks in one XML file, and the videos or images that they run through."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drivemeta.core.videos import UNREADABLE, open_video, upright
from drivemeta.data.dataset import Dataset, SetAside
from drivemeta.data.readers.cvat_shapes import (
    NO_AREA,
    SHAPES,
    UNKNOWN,
    Task,
    is_round,
    listed_classes,
    shape_box,
)
from drivemeta.data.readers.files import image_size
from drivemeta.data.readers.finder import ImageFinder, usual_folders
from drivemeta.data.readers.kept import keep_picture
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, ReaderFindings, dataset_of
from drivemeta.data.readers.values import as_flag, as_name, as_number, short
from drivemeta.errors import AnnotationError
from drivemeta.files import VIDEO_SUFFIXES, list_files, list_images

_LEAST_LENGTH = 0.9  # of the task's; containers and decoders count a few frames differently


@dataclass
class _Tracks:
    """What the tracks of one task say, by the frames of its video."""

    boxes: dict[int, list[ParsedBox]] = field(default_factory=lambda: defaultdict(list))
    keys: set[int] = field(default_factory=set)


def read_cvat_video(
    path: Path, root: Element, images: str | Path | None, tasks: Sequence[Task]
) -> Dataset:
    """Read the tracks of videos, or of a task of images.

    Only frames with a keyframe are taken: there somebody drew or checked a box. All boxes of such
    a frame are, those that CVAT interpolated included; those marked `outside` are not. Frame
    numbers are those of the video, whatever frame step the task has.

    Args:
        path: XML file.
        root: Content of the file.
        images: Folder of the videos or of the frames; if None, that of the XML file.
        tasks: Those of the file to take.

    Raises:
        AnnotationError: a track is damaged, a video is missing or ambiguous, or it ends before
            an annotated frame.
    """
    set_aside: list[SetAside] = []
    tracks = _tracks(path, root, tasks, set_aside)
    _check_sources(path, [task for task, _ in tracks])
    folders = [Path(images)] if images is not None else [path.parent]
    parsed = []
    for task, found in tracks:
        files = _files(path, task, folders, sorted(found.keys), alone=len(tracks) == 1)
        for frame in sorted(found.keys):
            attributes = {"frame": frame, **({"split": task.subset} if task.subset else {})}
            size = _stated_size(task, files[frame])
            parsed.append(ParsedImage(files[frame], size, found.boxes[frame], attributes))
    return dataset_of(
        parsed, path, ReaderFindings("CVAT for video", set_aside), listed_classes(root, parsed)
    )


def _stated_size(task: Task, picture: Path) -> tuple[int, int] | None:
    """Return the size that the task states; of turned videos it may be that as stored."""
    found = image_size(picture)
    return found if task.frame_size == found[::-1] else task.frame_size


def _tracks(
    path: Path, root: Element, tasks: Sequence[Task], set_aside: list[SetAside]
) -> list[tuple[Task, _Tracks]]:
    """Return each task that has keyframes with its boxes."""
    found = {task.number: _Tracks() for task in tasks}
    for track in root.findall("track"):
        number = track.get("id", "?")
        if not (track.get("label") or "").strip():
            raise AnnotationError(f"{path}: track {number} has no label")
        label = as_name(track.get("label"), f"{path}: track {number}: label")
        task = track.get("task_id", tasks[0].number if len(tasks) == 1 else "")
        if task not in found and any(other.number == task for other in tasks):
            continue
        kinds = {shape.tag for shape in track if shape.tag not in SHAPES}
        set_aside += [
            SetAside(path.name, f"track {number} ({label!r}, {kind})", NO_AREA.get(kind, UNKNOWN))
            for kind in sorted(kinds)
        ]
        if task in found:
            _add(path, track, label, found[task])
        elif len(tasks) > 1 and not track.get("task_id"):
            raise AnnotationError(
                f"{path}: track {number} does not say which of {len(tasks)} tasks it is of; "
                "export the tasks one by one"
            )
    return [(task, found[task.number]) for task in tasks if found[task.number].keys]


def _check_sources(path: Path, tasks: Sequence[Task]) -> None:
    """Refuse tasks whose videos have one name: they may be one video or two."""
    sources = [task.source for task in tasks if task.source]
    twice = next((name for name in sources if sources.count(name) > 1), None)
    if twice:
        names = ", ".join(f"{task.number} ({task.name})" for task in tasks if task.source == twice)
        raise AnnotationError(
            f"{path}: tasks {names} are all of a video called {twice}; take one at a time, with "
            "its own video: --read task=NUMBER --images FOLDER"
        )


def _add(path: Path, track: Element, label: str, found: _Tracks) -> None:
    """Add what is to be seen of a track."""
    for shape in track:
        where = f"{path}: track {track.get('id', '?')}"
        if shape.tag not in SHAPES or as_flag(shape.get("outside"), f"{where}: outside"):
            continue
        frame = _frame_number(shape.get("frame"), where)
        entry = f"track {track.get('id', '?')} frame {frame}"
        box = shape_box(shape, f"{path}: {entry}")
        found.boxes[frame].append(ParsedBox(entry, box, label, is_round=is_round(shape)))
        if as_flag(shape.get("keyframe", "1"), f"{path}: {entry}: keyframe"):
            found.keys.add(frame)


def _frame_number(text: str | None, where: str) -> int:
    number = as_number(text, f"{where}: frame")
    if number < 0 or number != int(number):
        raise AnnotationError(f"{where}: expected the number of a frame, found {short(text)}")
    return int(number)


def _files(
    path: Path, task: Task, folders: Sequence[Path], wanted: list[int], *, alone: bool
) -> dict[int, Path]:
    """Return the pictures of frames: exported ones, those of the video, or the task's images."""
    own = [folder / task.name for folder in folders if task.name and (folder / task.name).is_dir()]
    exported = _exported([*own, *folders] if alone else own, wanted)
    if exported:
        return exported
    places = own or folders
    video = named_video(task.source, places) if task.source else None
    if video is None and alone:
        listed = None if task.source else _listed(path, task, places, wanted)
        if listed:
            return listed
        video = _only_video(path, places)
    if video is None:
        there = ", ".join(p.name for place in places for p in _videos(place)) or "no video"
        of = "" if alone else f" of task {task.number} ({task.name})"
        more = "" if alone else f"; or take another task alone: --read task=..., not {task.number}"
        raise AnnotationError(
            f"{path}: expected the annotated video {task.source or '(one video)'}{of} in "
            f"{folders[0]}, found {there}; put it beside the XML, or give its folder as "
            f"images{more}"
        )
    files = decoded(str(path), video, wanted)
    _check_length(path, task, video)
    return files


def _check_length(path: Path, task: Task, video: Path) -> None:
    """Refuse a video of fewer frames than the task, as one of another frame rate has."""
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


def _exported(places: Sequence[Path], wanted: list[int]) -> dict[int, Path] | None:
    """Return the frames that CVAT exported as pictures, None unless all are there."""
    finder = ImageFinder([place for folder in places for place in usual_folders(folder, folder)])
    try:
        return {frame: finder.find(f"frame_{frame:06d}", "frame") for frame in wanted}
    except AnnotationError:
        return None


def _listed(
    path: Path, task: Task, places: Sequence[Path], wanted: list[int]
) -> dict[int, Path] | None:
    """Return the images of a task of images, which tracks name by their numbers alone."""
    for place in (place for folder in places for place in (folder, folder / "images")):
        images = list_images(place, nested=True)
        if task.size is None or len(images) != task.size:
            continue
        ordered = sorted(images, key=lambda p: [_natural(part) for part in p.parts])
        if ordered != images:
            raise AnnotationError(
                f"{path}: the tracks name images by their number, and the order of the images in "
                f"{place} is not the same by name and by number; export as 'CVAT for images'"
            )
        numbers = [frame - task.start for frame in wanted]
        if min(numbers) < 0 or max(numbers) >= len(images):
            raise AnnotationError(
                f"{path}: frame {wanted[-1]} is annotated, but {place} has {len(images)} images"
            )
        return {frame: images[i] for frame, i in zip(wanted, numbers, strict=True)}
    return None


def _natural(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(int(part[:18]), "") if part.isdecimal() else (-1, part) for part in parts]


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
        (p for place in places for p in _videos(place) if p.name.casefold() == name.casefold()),
        None,
    )


def _only_video(path: Path, places: Sequence[Path]) -> Path | None:
    """Return the video named like the XML, or the only one there."""
    there = [video for place in places for video in _videos(place)]
    like = [video for video in there if video.stem == path.stem]
    chosen = like[:1] or there
    return chosen[0] if len(chosen) == 1 else None


def _videos(folder: Path) -> list[Path]:
    return list_files(folder, VIDEO_SUFFIXES)
