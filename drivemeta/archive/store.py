"""The archive on disk or in an object store: which files it has, and how they come to be there.

```
archive.json                        what every row was made by
videos/KEY.json                     what is known of a video before it is looked at
boxes/KEY/000012.parquet            a segment; 000000-000059.parquet holds several of them
```

A file is there whole or not at all, and none is ever changed: two that index into one archive write
the same segments, whoever comes first.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from drivemeta.archive.base_facts import BaseFacts
from drivemeta.archive.segment_file import SCHEMA_VERSION, Footer, write_table
from drivemeta.archive.storage import Storage, reading
from drivemeta.errors import InputError

MANIFEST = "archive.json"
_FILE = re.compile(r"(\d{6})(?:-(\d{6}))?\.parquet")


@dataclass(frozen=True)
class BoxFile:
    """A file of boxes.

    Attributes:
        key: Key of its video.
        first: Number of its first segment.
        last: Number of its last one.
        path: Path in the archive's file system.
        n_bytes: Size.
    """

    key: str
    first: int
    last: int
    path: str
    n_bytes: int

    @property
    def numbers(self) -> range:
        """Numbers of its segments."""
        return range(self.first, self.last + 1)


def key_of(video: str) -> str:
    """Return the name of a video's folder: readable, and its own.

    >>> key_of("s3://fleet/rain/a 1.mp4")
    'a_1-a21a857f03'
    """
    stem = re.sub(r"[^A-Za-z0-9.-]+", "_", Path(video.rstrip("/")).stem)[-40:]
    return f"{stem}-{hashlib.sha256(video.encode()).hexdigest()[:10]}"


class Archive:
    """An archive that is open.

    Args:
        storage: Where it lies.
        said: What its manifest says.
    """

    def __init__(self, storage: Storage, said: dict[str, Any]) -> None:
        self.storage = storage
        self.facts = BaseFacts.from_json(said["base"])
        self.fps: float = said["fps"]
        self.base_file: str = said["base_file"]

    @property
    def place(self) -> str:
        """Folder or URL."""
        return self.storage.place

    @property
    def base_key(self) -> str:
        """What tells its base apart from others."""
        said = json.dumps(self.facts.as_json(), sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def files(self, key: str | None = None) -> list[BoxFile]:
        """Return the files of boxes of all videos or one, in order; what is held twice, once."""
        found = self.all_files(key)
        several = {(f.key, n) for f in found if f.first != f.last for n in f.numbers}
        return [f for f in found if f.first != f.last or (f.key, f.first) not in several]

    def all_files(self, key: str | None = None) -> list[BoxFile]:
        """Return all files of boxes, those included whose segments another file holds too."""
        found = []
        listed = self.storage.find(self.storage.path("boxes", *([key] if key else [])))
        for path, info in listed.items():
            folder, name = path.split("/")[-2:]
            if match := _FILE.fullmatch(name):
                first, last = int(match[1]), int(match[2] or match[1])
                found.append(BoxFile(folder, first, last, path, int(info["size"])))
        return sorted(found, key=lambda file: (file.key, file.first, file.last))

    def others(self) -> list[str]:
        """Return files among those of boxes that are none: left by a process that was killed."""
        known = {file.path for file in self.all_files()}
        return sorted(set(self.storage.find(self.storage.path("boxes"))) - known)

    @contextmanager
    def opened(self, file: BoxFile) -> Iterator[tuple[Footer, pq.ParquetFile]]:
        """Open a file of boxes; its pages are checked while they are read.

        Raises:
            InputError: it is damaged, or of another base.
        """
        with reading(file.path):
            # of a folder by its name: pyarrow then maps it, and no thread waits for Python
            source = file.path if self.storage.is_local else self.storage.fs.open(file.path, "rb")
            with pq.ParquetFile(source, page_checksum_verification=True) as parquet:
                yield self._checked(file, parquet.schema_arrow), parquet

    def footer(self, file: BoxFile) -> Footer:
        """Return what the footer of a file says; raises as `opened`."""
        with self.opened(file) as (footer, _):
            return footer

    def table(self, file: BoxFile, columns: Sequence[str] | None = None) -> tuple[Footer, pa.Table]:
        """Return a file's footer and its rows, of some columns or all; raises as `opened`."""
        with self.opened(file) as (footer, parquet):
            return footer, parquet.read(None if columns is None else list(columns))

    def write_segments(self, key: str, table: pa.Table, footer: Footer) -> str:
        """Write segments of a video whole or not at all; return the path.

        Raises:
            OutputError: it cannot be written.
        """
        numbers = [segment.number for segment in footer.segments]
        several = f"-{numbers[-1]:06d}" if len(numbers) > 1 else ""
        path = self.storage.path("boxes", key, f"{numbers[0]:06d}{several}.parquet")
        buffer = io.BytesIO()
        write_table(table, footer, buffer)
        self.storage.write(path, buffer.getvalue())
        return path

    def read_video(self, key: str) -> dict[str, Any] | None:
        """Return what is noted of a video, None if nothing is."""
        path = self.storage.path("videos", f"{key}.json")
        data = self.storage.read(path)
        with reading(path):
            return None if data is None else dict(json.loads(data))

    def videos(self) -> dict[str, dict[str, Any]]:
        """Return what is noted of all videos by their keys."""
        paths = [p for p in self.storage.find(self.storage.path("videos")) if p.endswith(".json")]
        found = {}
        for path, data in self.storage.read_all(paths).items():
            with reading(path):
                found[Path(path).stem] = dict(json.loads(data))
        return found

    def note_video(self, key: str, said: dict[str, Any]) -> None:
        """Note what is known of a video.

        Raises:
            OutputError: it cannot be written.
        """
        text = json.dumps(said, indent=1, ensure_ascii=False)
        self.storage.write(self.storage.path("videos", f"{key}.json"), text.encode())

    def _checked(self, file: BoxFile, schema: pa.Schema) -> Footer:
        footer = Footer.from_schema(schema)
        if footer.base != self.base_key:
            raise InputError(f"{file.path}: its rows were made by another base than the archive's")
        numbers = [segment.number for segment in footer.segments]
        if numbers != list(file.numbers):
            raise InputError(f"{file.path}: it holds the segments {numbers}, its name says others")
        return footer


def open_archive(place: str | Path) -> Archive:
    """Return the archive at a place.

    Raises:
        InputError: there is none, or one of a later version.
    """
    found = open_if_there(place)
    if found is None:
        raise InputError(
            f"expected an archive at {place}, found no {MANIFEST} in it; make one by "
            "`drivemeta index VIDEOS --out ARCHIVE`"
        )
    return found


def open_if_there(place: str | Path) -> Archive | None:
    """Return the archive at a place, None if there is none.

    Raises:
        InputError: it cannot be read, or is of a later version.
    """
    storage = Storage(place)
    path = storage.path(MANIFEST)
    data = storage.read(path)
    if data is None:
        return None
    with reading(path):
        said = json.loads(data)
    try:
        schema = int(said["schema"])
        archive = Archive(storage, said)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged, or no archive's: {error!r}") from error
    if schema > SCHEMA_VERSION:
        raise InputError(
            f"{path}: expected an archive of schema {SCHEMA_VERSION} or before, found {schema}: a "
            "later version of DriveMeta made it"
        )
    return archive


def open_or_make(place: str | Path, facts: BaseFacts, fps: float, base: str) -> Archive:
    """Return the archive at a place, made if there is none.

    Args:
        place: Folder or URL.
        facts: Base that makes its rows.
        fps: Frames a second that are looked at.
        base: File of the base, for people.

    Raises:
        InputError: there is one of another base or rate.
        OutputError: it cannot be written.
    """
    if open_if_there(place) is None:
        storage = Storage(place)
        said = {"schema": SCHEMA_VERSION, "base": facts.as_json(), "base_file": base, "fps": fps}
        storage.write_new(storage.path(MANIFEST), json.dumps(said, indent=1).encode())
    archive = open_archive(place)
    if archive.facts != facts or archive.fps != fps:
        other = "base" if archive.facts != facts else "rate"
        raise InputError(
            f"{place} was made by {archive.base_file}, looking at {archive.fps:g} frames a "
            f"second and keeping boxes from a score of {archive.facts.least_score:g}; this is "
            f"another {other}: give the same --base, --fps and --least-score, or another --out"
        )
    return archive
