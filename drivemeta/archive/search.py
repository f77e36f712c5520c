"""Searching: every video is matched against a class bank, and the best hits are kept."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
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
    problems: list[Problem] = field(default_factory=list)


def search(
    archive: Archive, query: Query, advance: Callable[[int], None] = lambda _: None
) -> Answer:
    """Search an archive in bounded memory, on all cores.

    Args:
        archive: Archive.
        query: What is asked for.
        advance: Function that is told how many files were searched since it last was.
    """
    steps = _steps(archive)
    pool = max(query.top, POOL if query.n_diverse else 0)
    best = Best(pool, by_doubt if query.near_threshold else by_score)
    counts: Counter[str] = Counter()
    answer, lock = Answer([], {}, 0), threading.Lock()

    def told(problem: Problem) -> None:
        with lock:
            answer.problems.append(problem)

    def of_video(files: list[BoxFile]) -> None:
        n_rows = 0

        def views() -> Iterator[Hit]:
            nonlocal n_rows
            bank = query.scorer.bank
            found = matches(archive, files, query.scorer, query.wanted, query.where, told)
            for n, table in found:
                n_rows += n
                yield from hits_of(table, bank.names, query.scorer.thresholds)

        found = list(merged(views(), steps.get(files[0].key, 1 / archive.fps)))
        with lock:
            for hit in found:
                best.add(hit)
                counts[hit.name] += 1
            answer.n_rows += n_rows
            advance(len(files))

    videos = [list(files) for _, files in groupby(archive.files(), lambda file: file.key)]
    with ThreadPoolExecutor(usable_cores()) as threads:
        for _ in threads.map(of_video, videos):
            pass
    ranked = best.ranked()
    answer.hits = diverse(ranked, query.n_diverse) if query.n_diverse else ranked[: query.top]
    answer.n_hits = dict(counts.most_common())
    return answer


def _steps(archive: Archive) -> dict[str, float | None]:
    """Return the seconds between looks by video; None for folders of images."""
    return {
        key: None if said["kind"] == "images" else 1 / archive.fps
        for key, said in archive.videos().items()
    }
