"""Keeping an archive in order: every file read and checked, and many small ones made one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import pyarrow as pa

from drivemeta.archive.matching import Problem
from drivemeta.archive.segment_file import Footer, SegmentFacts, rows_of, split
from drivemeta.archive.store import Archive, BoxFile
from drivemeta.errors import InputError

MOST_SEGMENTS = 120  # of a video, in one file that `compact` writes


@dataclass
class Checked:
    """What verifying an archive found.

    Attributes:
        n_files: Files read.
        n_rows: Boxes in them.
        n_frames: Frames that were looked at.
        damaged: Files that cannot be read whole, or hold what cannot be.
        unfinished: Segments that are missing, by video.
        others: Files that belong to no archive, such as those that were never finished.
        twice: Files whose segments another file holds too.
    """

    n_files: int = 0
    n_rows: int = 0
    n_frames: int = 0
    damaged: list[Problem] = field(default_factory=list)
    unfinished: dict[str, list[int]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged; a video may still be unfinished."""
        return not self.damaged


def verify(archive: Archive, advance: Callable[[int], None] = lambda _: None) -> Checked:
    """Read every file of an archive and check it; nothing is changed.

    Args:
        archive: Archive.
        advance: Function that is told how many files were checked since it last was.
    """
    found = Checked(others=archive.others())
    files = archive.files()
    used = {file.path for file in files}
    found.twice = [file.path for file in archive.all_files() if file.path not in used]
    numbers: dict[str, set[int]] = {}
    for file in files:
        try:
            footer, table = archive.table(file)
            _check(footer, table, archive.facts.dim)
        except InputError as error:
            found.damaged.append(Problem(file.path, str(error)))
        else:
            found.n_files += 1
            found.n_rows += table.num_rows
            found.n_frames += sum(segment.n_frames for segment in footer.segments)
            numbers.setdefault(file.key, set()).update(file.numbers)
        advance(1)
    for key, said in archive.videos().items():
        missing = set(range(said["n_segments"])) - numbers.get(key, set())
        if missing:
            found.unfinished[said["video"]] = sorted(missing)
    return found


def _check(footer: Footer, table: pa.Table, dim: int) -> None:
    """Refuse rows that cannot be: raises InputError."""
    n_told = sum(segment.n_boxes for segment in footer.segments)
    if table.num_rows != n_told:
        raise InputError(f"expected {n_told} rows, as it says itself, found {table.num_rows}")
    rows = rows_of(table)
    if rows.embeddings.shape[1] != dim:
        raise InputError(f"expected embeddings of {dim}, found {rows.embeddings.shape[1]}")
    norms = np.linalg.norm(rows.embeddings.astype(np.float32), axis=1)
    odd = ~np.isfinite(rows.scores) | ~np.isfinite(rows.boxes).all(1)
    odd |= rows.embedded & ~(np.abs(norms - 1) < 0.01)
    if odd.any():
        raise InputError(f"{int(odd.sum())} rows hold scores, boxes or embeddings that cannot be")


def compact(archive: Archive, advance: Callable[[int], None] = lambda _: None) -> tuple[int, int]:
    """Write the segments of each video into few files; return the number of files before and after.

    What is killed on the way leaves segments twice, which count once, and is finished by the next.

    Args:
        archive: Archive; nobody should index into it meanwhile.
        advance: Function that is told how many videos are done since it last was.

    Raises:
        InputError: a file is damaged; those before are done.
        OutputError: a file cannot be written.
    """
    before = archive.all_files()
    for key, listed in groupby(archive.files(), lambda file: file.key):
        for run in _runs(listed):
            _join(archive, key, run)
        advance(1)
    used = {file.path for file in archive.files()}
    for file in archive.all_files():
        if file.path not in used:  # of one that was killed
            archive.storage.remove(file.path)
    for path in archive.others():
        if path.endswith(".part"):  # likewise, of an indexer
            archive.storage.remove(path)
    return len(before), len(archive.all_files())


def _runs(files: Iterable[BoxFile]) -> list[list[BoxFile]]:
    """Return runs of files that hold one segment after another."""
    runs: list[list[BoxFile]] = []
    for file in files:
        last = runs[-1] if runs else None
        if last and last[-1].last + 1 == file.first and file.last - last[0].first < MOST_SEGMENTS:
            last.append(file)
        else:
            runs.append([file])
    return runs


def _join(archive: Archive, key: str, run: list[BoxFile]) -> None:
    if len(run) < 2:
        return
    parts: list[tuple[SegmentFacts, pa.Table]] = []
    for file in run:
        footer, table = archive.table(file)
        parts += split(table, footer)
    table = pa.concat_tables([part for _, part in parts]).unify_dictionaries()
    footer = Footer(archive.base_key, tuple(facts for facts, _ in parts))
    archive.write_segments(key, table, footer)
    for file in run:
        archive.storage.remove(file.path)
