"""`drivemeta search` on a Ray cluster: its tasks search videos, the best hits come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from drivemeta.archive.matching import Problem
from drivemeta.archive.search import FoundHits, Query, VideoBoxes, find
from drivemeta.archive.store import Archive
from drivemeta.fleet.cluster import joined
from drivemeta.fleet.tasks import RETRIES, finished

PART_BYTES = 32_000_000  # of files in one task: about 100,000 boxes, a part of a second


class RaySearch:
    """Searches the videos of an archive on a cluster, whose machines must all reach it.

    Args:
        address: Cluster, see `joined`.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def __call__(
        self,
        archive: Archive,
        query: Query,
        videos: Sequence[VideoBoxes],
        take: Callable[[FoundHits], None],
    ) -> None:
        """Search videos; see `drivemeta.archive.search.search`."""
        with joined(self._address) as ray:
            task = ray.remote(find).options(name="search", num_cpus=1, max_retries=RETRIES)
            where, what = ray.put(archive), ray.put(query)
            asked = ((part, task.remote(where, what, part)) for part in _parts(videos))
            for part, came in finished(ray, asked):
                if isinstance(came, ray.exceptions.RayTaskError):
                    raise came.cause from came  # of its making: no other machine would fare better
                take(_unsearched(part, came) if isinstance(came, Exception) else came)


def _parts(videos: Sequence[VideoBoxes]) -> Iterator[list[VideoBoxes]]:
    """Yield videos in parts that are worth a task."""
    part: list[VideoBoxes] = []
    size = 0
    for video in videos:
        part.append(video)
        size += sum(file.n_bytes for file in video.files)
        if size >= PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _unsearched(part: Sequence[VideoBoxes], error: Exception) -> FoundHits:
    """Return that nothing could be found in videos, since what searched them died each time."""
    said = f"what searched it died, {RETRIES + 1} times: {str(error).splitlines()[0]}"
    files = [file for video in part for file in video.files]
    return FoundHits(n_files=len(files), problems=[Problem(file.path, said) for file in files])
