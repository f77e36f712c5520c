"""Which of the places that a user can name are many videos, and what those are called."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from drivemeta.errors import InputError
from drivemeta.files import check_name, is_foreign, is_image, list_files, list_images
from drivemeta.plugins.registry import Registry
from drivemeta.video.source_table import SourceTable

LISTS = (".txt", ".lst")
SHOWN = 5  # names of files that were passed over


@dataclass(frozen=True)
class ManyVideos:
    """What a folder, a list or a pattern holds.

    Attributes:
        paths: Videos by name.
        passed_over: Files beside them that are none, by their endings.
    """

    paths: dict[str, Path]
    passed_over: tuple[Path, ...] = ()

    def note(self) -> str:
        """Return in a sentence what was passed over; empty if nothing was."""
        if not self.passed_over:
            return ""
        names = [str(path) for path in self.passed_over[:SHOWN]]
        more = ["..."] if len(self.passed_over) > SHOWN else []
        return (
            f"passed over as no video, by the ending: {', '.join(names + more)} "
            f"({len(self.passed_over)} in all)"
        )


def many_videos(place: str, registry: Registry) -> ManyVideos | None:
    """Return the videos of a folder, a list or a pattern by name; None for a single stream.

    A video is a file whose ending a source names as its own.

    A folder counts with all folders below it; a list is a text file (`.txt`, `.lst`) with a path a
    line, relative to the list, blank lines and those that begin with `#` left out. Names are paths
    relative to the folder, the list, or the part of the pattern that is fixed, so that each video
    keeps its name when others are added.

    Raises:
        InputError: images and videos lie side by side, a list is empty or no text, or the name of a
            video is none.
    """
    path, sources = Path(place), SourceTable(registry)
    if path.is_dir():
        return _below(path, sources)
    if path.is_file():
        return _named(_listed(path), path.parent) if path.suffix.lower() in LISTS else None
    if "://" in place or not any(sign in place for sign in "*?["):
        return None
    matches = [Path(found) for found in sorted(glob.glob(place, recursive=True))]  # noqa: PTH207  (takes absolute ones)
    files = [path for path in matches if not is_foreign(path.name) and path.is_file()]
    videos, others = _parted(files, sources)
    _check_one_kind(videos, others, place)
    return _named(videos, _fixed_part(place), others)


def _below(folder: Path, sources: SourceTable) -> ManyVideos | None:
    """Return the videos of a folder at any depth; images in it make it one stream."""
    if sources.reads_folder(folder):
        return None
    _check_one_kind(*_parted(list_files(folder), sources), str(folder))
    if list_images(folder):
        return None
    videos, others = _parted(list_files(folder, nested=True), sources)
    return _named(videos, folder, others)


def _parted(paths: Iterable[Path], sources: SourceTable) -> tuple[list[Path], list[Path]]:
    """Return the videos among files, and the others."""
    videos: list[Path] = []
    others: list[Path] = []
    for path in paths:
        (videos if sources.reads_file(path) else others).append(path)
    return videos, others


def _check_one_kind(videos: list[Path], others: list[Path], place: str) -> None:
    if videos and any(is_image(path) for path in others):
        raise InputError(
            f"expected images or videos, found both in {place}: give a pattern such as '*.mp4'"
        )


def _listed(path: Path) -> list[Path]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise InputError(f"expected a list of paths in UTF-8, found {path}: {error}") from error
    places = [path.parent / line for line in lines if line and not line.startswith("#")]
    if not places:
        raise InputError(f"expected a path a line in {path}, found none")
    if not any(place.exists() for place in places):
        raise InputError(
            f"expected a list of videos, one path a line, in {path}; none of its {len(places)} "
            f"lines is a file, the first says {places[0].name!r}"
        )
    return places


def _fixed_part(pattern: str) -> Path:
    parts: list[str] = []
    for part in Path(pattern).parts:
        if any(sign in part for sign in "*?["):
            break
        parts.append(part)
    return Path(*parts)


def _named(videos: list[Path], root: Path, others: Iterable[Path] = ()) -> ManyVideos | None:
    named: dict[str, Path] = {}
    for video in videos:
        check_name(video)
        whole = video.absolute()
        inside = whole.is_relative_to(root.absolute()) and ".." not in whole.parts
        relative = whole.relative_to(root.absolute() if inside else whole.anchor)
        named[Path(*(part for part in relative.parts if part != "..")).as_posix()] = video
    return ManyVideos(named, tuple(others)) if named else None
