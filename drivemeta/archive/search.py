"""Searching: every video is matched against a class bank, and the best hits are kept.

The videos are dealt out, to threads here or by `drivemeta.fleet` to a cluster; what is found in
them is put together in one place.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from drivemeta.archive.choosing import Best, by_doubt, by_score, diverse
from drivemeta.archive.hits import Hit, hits_of, merged
from drivemeta.archive.matching import Problem, Where, matches
from drivemeta.archive.scores import Scorer
from drivemeta.archive.store import Archive, BoxFile
from drivemeta.runtime.cores import usable_cores

POOL = 5000  # hits that `diverse` chooses among


@dataclass(frozen=True)
class Query:
    """What is asked for.

    Attributes:
        scorer: Score rule of the model.
        wanted: (n_classes,) bool, classes that are asked for.
        where: Condition on rows, or None.
        top: Most hits.
        n_diverse: Most hits where they are to differ, 0 where they need not.
        near_threshold: Whether those nearest to their threshold come first.
    """

    scorer: Scorer
    wanted: NDArray[np.bool_]
    where: Where | None = None
    top: int = 500
    n_diverse: int = 0
    near_threshold: bool = False

    def best(self) -> Best:
        """Return what keeps the hits that may be shown."""
        most = max(self.top, POOL if self.n_diverse else 0)
        return Best(most, by_doubt if self.near_threshold else by_score)


@dataclass(frozen=True)
class VideoBoxes:
    """Where the boxes of one video lie.

    Attributes:
        files: Its files, in order.
        step_s: Seconds from one look to the next; None where each frame is another scene.
    """

    files: tuple[BoxFile, ...]
    step_s: float | None


@dataclass
class FoundHits:
    """What was found in some videos.

    Attributes:
        hits: Best hits, as many as may be shown.
        n_hits: Hits in all, by class.
        n_rows: Rows that were searched.
        n_files: Files.
        problems: Files that could not be searched.
    """

    hits: list[Hit] = field(default_factory=list)
    n_hits: Counter[str] = field(default_factory=Counter)
    n_rows: int = 0
    n_files: int = 0
    problems: list[Problem] = field(default_factory=list)


Searching = Callable[[Archive, Query, Sequence[VideoBoxes], Callable[[FoundHits], None]], None]


@dataclass
class Answer:
    """What was found.

    Attributes:
        hits: Hits that were chosen, in order.
        n_hits: Hits in all, by class.
        n_rows: Rows that were searched.
        problems: Files that could not be.
    """

    hits: list[Hit]
    n_hits: dict[str, int]
    n_rows: int
    problems: list[Problem]


def search(
    archive: Archive,
    query: Query,
    advance: Callable[[int], None] = lambda _: None,
    searching: Searching | None = None,
) -> Answer:
    """Search an archive in bounded memory.

    Args:
        archive: Archive.
        query: What is asked for.
        advance: Function that is told how many files were searched since it last was.
        searching: Function that searches the videos, and gives what it finds to its last argument;
            by default on all cores of this machine.
    """
    best, total = query.best(), FoundHits()

    def take(found: FoundHits) -> None:
        for hit in found.hits:
            best.add(hit)
        total.n_hits += found.n_hits
        total.n_rows += found.n_rows
        total.problems += found.problems
        advance(found.n_files)

    (searching or on_threads)(archive, query, _videos(archive), take)
    ranked = best.ranked()
    hits = diverse(ranked, query.n_diverse) if query.n_diverse else ranked[: query.top]
    problems = sorted(total.problems, key=lambda problem: problem.path)
    counts = sorted(total.n_hits.items(), key=lambda item: (-item[1], item[0]))
    return Answer(hits, dict(counts), total.n_rows, problems)


def on_threads(
    archive: Archive, query: Query, videos: Sequence[VideoBoxes], take: Callable[[FoundHits], None]
) -> None:
    """Search videos on all cores of this machine; see `search`."""
    lock = threading.Lock()

    def of_video(video: VideoBoxes) -> None:
        found = find(archive, query, [video])
        with lock:
            take(found)

    with ThreadPoolExecutor(usable_cores()) as threads:
        for _ in threads.map(of_video, videos):
            pass


def find(archive: Archive, query: Query, videos: Sequence[VideoBoxes]) -> FoundHits:
    """Return what is found in videos."""
    best, found = query.best(), FoundHits()
    scorer = query.scorer

    def views(files: Sequence[BoxFile]) -> Iterator[Hit]:
        told = found.problems.append
        for n, table in matches(archive, files, scorer, query.wanted, query.where, told):
            found.n_rows += n
            yield from hits_of(table, scorer.bank.names, scorer.thresholds)

    for video in videos:
        for hit in merged(views(video.files), video.step_s):
            best.add(hit)
            found.n_hits[hit.name] += 1
        found.n_files += len(video.files)
    found.hits = best.ranked()
    return found


def _videos(archive: Archive) -> list[VideoBoxes]:
    """Return the videos of an archive."""
    steps = {
        key: None if said["kind"] == "images" else 1 / archive.fps
        for key, said in archive.videos().items()
    }
    return [
        VideoBoxes(tuple(files), steps.get(key, 1 / archive.fps))
        for key, files in groupby(archive.files(), lambda file: file.key)
    ]
