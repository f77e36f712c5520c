"""Which of the places that a user can name are many videos, and what those are called."""

from __future__ import annotations

import glob
from pathlib import Path

from drivemeta.errors import InputError
from drivemeta.files import is_foreign, is_image, list_files
from drivemeta.plugins.registry import Registry
from drivemeta.video.source_table import SourceTable

LISTS = (".txt", ".lst")


def many_videos(place: str, registry: Registry) -> dict[str, Path] | None:
    """Return the videos of a folder, a list or a pattern by name; None for a single stream.

    A video is a file whose ending a source names as its own.

    A folder counts with all folders below it; a list is a text file (`.txt`, `.lst`) with a path a
    line, relative to the list, blank lines and those that begin with `#` left out. Names are paths
    relative to the folder, the list, or the part of the pattern that is fixed, so that each video
    keeps its name when others are added.

    Raises:
        InputError: images and videos lie side by side, or a list is empty or no text.
    """
    path, sources = Path(place), SourceTable(registry)
    if path.is_dir():
        return _named(_videos_below(path, sources), path)
    if path.is_file():
        return _named(_listed(path), path.parent) if path.suffix.lower() in LISTS else None
    if "://" in place or not any(sign in place for sign in "*?["):
        return None
    matches = [Path(found) for found in sorted(glob.glob(place, recursive=True))]  # noqa: PTH207  (takes absolute ones)
    return _named(_only_videos(matches, place, sources), _fixed_part(place))


def _videos_below(folder: Path, sources: SourceTable) -> list[Path]:
    if sources.reads_folder(folder):
        return []
    beside = list_files(folder)
    if any(is_image(path) for path in beside):
        return _only_videos(beside, str(folder), sources)
    return [path for path in list_files(folder, nested=True) if _is_video(path, sources)]


def _only_videos(paths: list[Path], place: str, sources: SourceTable) -> list[Path]:
    videos = [path for path in paths if _is_video(path, sources)]
    if videos and any(is_image(path) for path in paths):
        raise InputError(
            f"expected images or videos, found both in {place}: give a pattern such as '*.mp4'"
        )
    return videos


def _is_video(path: Path, sources: SourceTable) -> bool:
    return not is_foreign(path.name) and path.is_file() and sources.reads_file(path)


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


def _named(videos: list[Path], root: Path) -> dict[str, Path] | None:
    named: dict[str, Path] = {}
    for video in videos:
        whole = video.absolute()
        inside = whole.is_relative_to(root.absolute()) and ".." not in whole.parts
        relative = whole.relative_to(root.absolute() if inside else whole.anchor)
        named[Path(*(part for part in relative.parts if part != "..")).as_posix()] = video
    return named or None
