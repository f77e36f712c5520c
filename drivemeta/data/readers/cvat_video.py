"""CVAT for video 1.1: tracks in one XML file, and the videos or images that they run through."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from drivemeta.data.dataset import Dataset, SetAside
from drivemeta.data.readers.cvat_frames import (
    check_length,
    decoded,
    named_video,
    only_video,
    videos_in,
)
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
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, ReaderFindings, dataset_of
from drivemeta.data.readers.values import as_flag, as_name, as_number, short
from drivemeta.errors import AnnotationError
from drivemeta.files import list_images


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
    notes: list[str] = []
    for task, found in tracks:
        places = _Places(folders, alone=len(tracks) == 1, notes=notes)
        files = _files(path, task, places, sorted(found.keys))
        for frame in sorted(found.keys):
            attributes = {"frame": frame, **({"split": task.subset} if task.subset else {})}
            size = _stated_size(task, files[frame])
            parsed.append(ParsedImage(files[frame], size, found.boxes[frame], attributes))
    return dataset_of(
        parsed,
        path,
        ReaderFindings("CVAT for video", set_aside, notes=notes),
        listed_classes(root, parsed),
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


@dataclass(frozen=True)
class _Places:
    """Where to look for videos and frames.

    Attributes:
        folders: Folders.
        alone: Whether there is one task, so that a video of any name may be its own.
        notes: Where a video of another name is told.
    """

    folders: Sequence[Path]
    alone: bool
    notes: list[str]


def _files(path: Path, task: Task, given: _Places, wanted: list[int]) -> dict[int, Path]:
    """Return the pictures of frames: exported ones, those of the video, or the task's images."""
    folders, alone = given.folders, given.alone
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
        video = only_video(path, places)
        if video is not None and task.source:
            note = f"{video.name} is taken for the video {short(task.source)}, which is not there"
            given.notes.append(note)
    if video is None:
        there = ", ".join(p.name for place in places for p in videos_in(place)) or "no video"
        of = "" if alone else f" of task {task.number} ({task.name})"
        more = "" if alone else f"; or take another task alone: --read task=..., not {task.number}"
        raise AnnotationError(
            f"{path}: expected the annotated video {task.source or '(one video)'}{of} in "
            f"{folders[0]}, found {there}; put it beside the XML, or give its folder as "
            f"images{more}"
        )
    files = decoded(str(path), video, wanted)
    check_length(path, task, video)
    return files


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
