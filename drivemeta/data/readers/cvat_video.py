"""CVAT for video 1.1: tracks in one XML file, and the video that they run through."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree.ElementTree import Element

import av
import numpy as np

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.cvat_shapes import SHAPES, listed_classes, shape_xyxy
from drivemeta.data.readers.files import image_size
from drivemeta.data.readers.kept import keep_picture
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, dataset_of
from drivemeta.errors import AnnotationError

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm")


def read_cvat_video(path: Path, root: Element, images: str | Path | None) -> Dataset:
    """Read the tracks of a video.

    Only frames with a keyframe are taken: there somebody drew or checked a box. All boxes of such
    a frame are, those that CVAT interpolated included; those marked `outside` are not. Frame
    numbers are those of the video, whatever frame step the task has.

    Args:
        path: XML file.
        root: Content of the file.
        images: Folder of the video or of the frames; if None, that of the XML file.

    Raises:
        AnnotationError: a track is damaged, the video is missing or ambiguous, or it ends before
            an annotated frame.
    """
    tracks = list(_tracks(path, root))
    wanted = sorted({frame for frame, _, is_key in tracks if is_key})
    boxes: dict[int, list[ParsedBox]] = defaultdict(list)
    for frame, box, _ in tracks:
        boxes[frame].append(box)
    folder = Path(images) if images is not None else path.parent
    files: dict[int, Path] = {}
    if wanted:
        files = _exported(folder, wanted) or _decoded(path, root, folder, wanted)
    parsed = [
        ParsedImage(files[frame], image_size(files[frame]), boxes[frame], {"frame": frame})
        for frame in wanted
    ]
    return dataset_of(parsed, path, listed_classes(root, parsed))


def _tracks(path: Path, root: Element) -> Iterator[tuple[int, ParsedBox, bool]]:
    """Yield frame, box and whether it is a keyframe, of all that is to be seen."""
    for track in root.findall("track"):
        number = track.get("id", "?")
        label = track.get("label")
        if not label:
            raise AnnotationError(f"{path}: track {number} has no label")
        for shape in track:
            if shape.tag not in SHAPES or shape.get("outside") == "1":
                continue
            entry = f"track {number} frame {shape.get('frame')}"
            try:
                frame, xyxy = int(shape.attrib["frame"]), shape_xyxy(shape)
            except (KeyError, ValueError) as error:
                raise AnnotationError(
                    f"{path}: {entry}: expected a frame and numbers as coordinates ({error})"
                ) from error
            yield frame, ParsedBox(entry, xyxy, label), shape.get("keyframe") != "0"


def _exported(folder: Path, wanted: list[int]) -> dict[int, Path] | None:
    """Return the frames that CVAT exported as pictures, None unless all are there."""
    files = {}
    for frame in wanted:
        for place in (folder, folder / "images"):
            for suffix in (".png", ".PNG", ".jpg"):
                file = place / f"frame_{frame:06d}{suffix}"
                if file.is_file():
                    files[frame] = file
    return files if len(files) == len(wanted) else None


def _decoded(path: Path, root: Element, folder: Path, wanted: list[int]) -> dict[int, Path]:
    video = _video(path, root, folder)
    files = {}
    try:
        for number, frame in _frames(video):
            if number in wanted:
                data = io.BytesIO()
                frame.to_image().save(data, "PNG", compress_level=1)
                files[number] = keep_picture(data.getvalue(), f"{video.stem}_{number:06d}.png")
            if number >= wanted[-1]:
                break
    except (av.FFmpegError, IndexError) as error:
        raise AnnotationError(f"{path}: cannot read the video {video}: {error}") from error
    missing = [frame for frame in wanted if frame not in files]
    if missing:
        raise AnnotationError(
            f"{path}: frame {missing[0]} is annotated, but {video} ends before it; "
            "give the video that was annotated"
        )
    return files


def _frames(video: Path) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield the frames of a video, turned as it says, with their numbers."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for number, frame in enumerate(container.decode(stream)):
            turns = round(getattr(frame, "rotation", 0) / 90) % 4
            if turns:
                image = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), turns))
                yield number, av.VideoFrame.from_ndarray(image, format="rgb24")
            else:
                yield number, frame


def _video(path: Path, root: Element, folder: Path) -> Path:
    """Return the video: by the name in the XML, by that of the XML, or the only one there."""
    name = Path((root.findtext("meta//source") or "").strip().replace("\\", "/")).name
    there: list[Path] = []
    with suppress(OSError):
        there = sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
    for chosen in ([p for p in there if p.name == name], [p for p in there if p.stem == path.stem]):
        if chosen:
            return chosen[0]
    if len(there) == 1:
        return there[0]
    found = ", ".join(p.name for p in there) or "no video"
    raise AnnotationError(
        f"{path}: expected the annotated video {name or '(one video)'} in {folder}, found {found}; "
        "put it beside the XML, or give its folder as images"
    )
