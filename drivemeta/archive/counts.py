"""Counts for reports: what was looked at and what a model finds in it, by class, video and hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from drivemeta.archive.matching import Problem, matches
from drivemeta.archive.scores import Scorer
from drivemeta.archive.segment_file import Footer
from drivemeta.archive.store import Archive, BoxFile
from drivemeta.errors import InputError

KEYS = ("class", "video", "hour")
HOUR_S = 3600.0


@dataclass
class Totals:
    """What an archive holds.

    Attributes:
        n_videos: Videos.
        n_files: Files of boxes.
        n_segments: Segments that were looked at.
        n_planned: Segments of all videos.
        n_frames: Frames that were looked at.
        n_empty: Those of them that show no box.
        n_missing: Frames that could not be decoded.
        n_boxes: Boxes.
        n_bytes: Size of the files of boxes.
        notes: What was noted of how videos were read, by video.
        damaged: Files that cannot be read.
    """

    n_videos: int = 0
    n_files: int = 0
    n_segments: int = 0
    n_planned: int = 0
    n_frames: int = 0
    n_empty: int = 0
    n_missing: int = 0
    n_boxes: int = 0
    n_bytes: int = 0
    notes: dict[str, list[str]] = field(default_factory=dict)
    damaged: list[Problem] = field(default_factory=list)

    def add(self, footer: Footer) -> None:
        """Take the segments of a file in."""
        for segment in footer.segments:
            self.n_segments += 1
            self.n_frames += segment.n_frames
            self.n_empty += segment.n_empty
            self.n_missing += segment.n_missing
            self.n_boxes += segment.n_boxes
            for note in segment.notes:
                told = self.notes.setdefault(segment.video, [])
                if note not in told:
                    told.append(note)


def totals(archive: Archive) -> Totals:
    """Return what an archive holds, by the footers of its files."""
    videos = archive.videos()
    found = Totals(n_videos=len(videos), n_planned=sum(v["n_segments"] for v in videos.values()))
    for file in archive.files():
        try:
            found.add(archive.footer(file))
        except InputError as error:
            found.damaged.append(Problem(file.path, str(error)))
            continue
        found.n_files += 1
        found.n_bytes += file.n_bytes
    return found


def count(
    archive: Archive,
    scorer: Scorer,
    by: Sequence[str],
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Return how many boxes a model reports, grouped; and the files that could not be read.

    Args:
        archive: Archive.
        scorer: Score rule of the model.
        by: Some of `class`, `video`, `hour`, which is the hour of the video, from 0.
        advance: Function that is told how many files are done since it last was.

    Raises:
        InputError: nothing counts by that.
    """
    if not by or set(by) - set(KEYS):
        raise InputError(f"--by: expected some of {', '.join(KEYS)}, found {','.join(by)!r}")
    wanted = np.ones(len(scorer.bank.classes), np.bool_)
    counts: Counter[tuple[Any, ...]] = Counter()
    problems: list[Problem] = []
    for _, listed in groupby(archive.files(), lambda file: file.key):
        files: list[BoxFile] = list(listed)
        for _, table in matches(archive, files, scorer, wanted, None, problems.append):
            labels, times = table["found_label"].to_numpy(), table["time_s"].to_numpy()
            hours = (times // HOUR_S).astype(np.int64)
            video = table["video"][0].as_py() if table.num_rows else ""
            for (label, hour), n in _pairs(labels, hours):
                said = {"class": scorer.bank.names[label], "video": video, "hour": hour}
                counts[tuple(said[key] for key in by)] += n
        advance(len(files))
    rows = [{**dict(zip(by, key, strict=True)), "boxes": n} for key, n in sorted(counts.items())]
    return rows, problems


def _pairs(a: np.ndarray, b: np.ndarray) -> list[tuple[tuple[int, int], int]]:
    """Return how often each pair of values occurs."""
    found, n = np.unique(np.stack([a, b], 1), axis=0, return_counts=True)
    return [((int(x), int(y)), int(k)) for (x, y), k in zip(found, n, strict=True)]
