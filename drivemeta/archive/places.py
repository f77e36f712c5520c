"""Which videos a user names, on this machine or behind a URL, and what tells each from others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import fsspec

from drivemeta.archive.storage import reading
from drivemeta.errors import DriveMetaError, InputError, VideoError
from drivemeta.files import VIDEO_SUFFIXES, list_files
from drivemeta.plugins.registry import Registry
from drivemeta.video.opening import source_kind
from drivemeta.video.video_lists import LISTS, many_videos

Kind = Literal["file", "images", "stream"]
_LIVE = ("camera", "stream")


@dataclass(frozen=True)
class Video:
    """A video that is to be looked at.

    Attributes:
        place: Absolute path, URL, or `NAME:PLACE` of a source.
        kind: How it is read: a file that can be sought, a folder of images, or from its beginning
            by a source plugin.
    """

    place: str
    kind: Kind

    def fingerprint(self) -> str:
        """Return what changes where the video is replaced by another of the same name.

        Raises:
            InputError: it is not there.
        """
        if is_url(self.place):
            with reading(self.place):
                fs, path = fsspec.core.url_to_fs(self.place)
                info = fs.info(path)
            stamps = (info.get(name) for name in ("ETag", "etag", "mtime", "LastModified"))
            return f"{info.get('size')} {next((str(s) for s in stamps if s), '')}".strip()
        path = Path(self.place)
        if not path.exists():
            return ""  # of a source without a file, such as `synthetic`
        files = list_files(path) if path.is_dir() else [path]
        stats = [file.stat() for file in files]
        newest = max((stat.st_mtime_ns for stat in stats), default=0)
        return f"{len(stats)} {sum(stat.st_size for stat in stats)} {newest}"


def is_url(place: str) -> bool:
    """Tell whether a place is a URL that fsspec opens."""
    return "://" in place


def find_videos(places: Sequence[str], registry: Registry) -> tuple[list[Video], list[str]]:
    """Return the videos of files, folders, lists, patterns and URLs, each once, and notes.

    Raises:
        InputError: a place holds no video, is live, or cannot be read.
    """
    notes: list[str] = []
    found: dict[str, Video] = {}
    for place in places:
        videos = list(_of_place(place, registry, notes))
        if not videos:
            raise InputError(f"expected videos at {place}, found none")
        if _is_missing(place, videos[0]):
            raise InputError(f"expected a video at {place}, found nothing there")
        found |= {video.place: video for video in videos}
    return list(found.values()), notes


def _is_missing(place: str, video: Video) -> bool:
    """Tell whether a file is named that is not there; one of a list is told by itself, later."""
    of_file = video.kind != "stream" and place == video.place and not is_url(place)
    return of_file and not Path(place).exists()


def _of_place(place: str, registry: Registry, notes: list[str]) -> Iterable[Video]:
    path = Path(place)
    if path.is_file() and path.suffix.lower() in LISTS:
        return _of_list(path, registry, notes)
    if is_url(place) and place.partition("://")[0].lower() in fsspec.available_protocols():
        return _of_url(place)
    many = many_videos(place, registry)
    if many is None:
        return [_one(place, registry)]
    if note := many.note():
        notes.append(note)
    return [_one(str(video), registry) for video in many.paths.values()]


def _of_list(path: Path, registry: Registry, notes: list[str]) -> list[Video]:
    """Return the videos of a text file: a path relative to it or a URL a line."""
    with reading(str(path)):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    places = [line for line in lines if line and not line.startswith("#")]
    listed = [place if is_url(place) else str(path.parent / place) for place in places]
    return [video for place in listed for video in _of_place(place, registry, notes)]


def _of_url(url: str) -> list[Video]:
    """Return the video of a URL, or those that a pattern or a prefix holds."""
    with reading(url):
        fs, path = fsspec.core.url_to_fs(url)
        if any(sign in path for sign in "*?["):
            found = fs.glob(path)
        elif fs.isdir(path) and not Path(path).suffix:
            found = fs.find(path)
        else:
            return [Video(url, "file")]
    videos = [name for name in found if Path(name).suffix.lower() in VIDEO_SUFFIXES]
    return [Video(str(fs.unstrip_protocol(name)), "file") for name in sorted(videos)]


def _one(place: str, registry: Registry) -> Video:
    try:
        name, _ = source_kind(place, registry)
    except VideoError as error:
        if Path(place).exists():
            raise
        raise InputError(str(error)) from error
    if name in _LIVE:
        raise InputError(f"{place} is live: an archive is of what can be read again; record it")
    whole = str(Path(place).absolute()) if Path(place).exists() else place
    kinds: dict[str, Kind] = {"file": "file", "images": "images"}
    return Video(whole, kinds.get(name, "stream"))


def said(error: Exception) -> str:
    """Return an error's words: those of our own as they are, others with their kind."""
    return str(error) if isinstance(error, DriveMetaError) else f"{type(error).__name__}: {error}"
