"""What the tracker plugins share: the `trackers` package's types, and a steady class a track."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import UNTRACKED, Detections, Frame, Tracks
from drivemeta.core.run import NO_RUN, RunContext

# Detections have passed the threshold of their class already, so none counts as doubtful here.
SCORE_FLOOR = 0.01
_ROW = "row"
_ALL = ""
# What is left of a vote after each later inference. A sign keeps its name; a light changes its
# state, and shows so with the second inference at the new one.
MEMORY = 0.9
MEMORY_OF_STATES = 0.6
WITH_STATES = frozenset({"traffic_light"})


class Association:
    """Gives identities by a tracker of the `trackers` package, one for each family of classes.

    A tracker plugin is a subclass that says in its `__init__` how such a tracker is made.

    Args:
        make: Function that returns a new tracker of the package.
        context: Context of the run: objects of two families are never one. A class that its
            families lack is a family of its own; where the run knows no families, any two objects
            may be one.
        looks: Whether the tracker is given the frame, too.
    """

    def __init__(
        self, make: Callable[[], Any], context: RunContext = NO_RUN, *, looks: bool = False
    ) -> None:
        self._make, self._families, self._looks = make, context.families, looks
        self.reset()

    def update(self, detections: Detections, frame: Frame) -> Tracks:
        """Give one frame's detections their identities; rows and boxes stay as they were."""
        ids = np.full(len(detections), UNTRACKED, np.int64)
        image = frame.image if self._looks else None
        of_rows = np.array([self._family(name) for name in detections.names], object)
        for family in sorted({*self._trackers, *of_rows.tolist()}):
            rows = np.flatnonzero(of_rows == family)
            if family not in self._trackers:
                self._trackers[family] = self._make()
            own_ids = _own_ids(self._trackers[family], detections[rows], frame.time_s, image)
            ids[rows] = [
                self._ids.setdefault((family, own), len(self._ids)) if own != UNTRACKED else own
                for own in own_ids
            ]
        return self._classes.vote(Tracks(detections, ids))

    def reset(self) -> None:
        """Forget everything."""
        self._trackers: dict[str, Any] = {}
        self._ids: dict[tuple[str, int], int] = {}
        self._classes = TrackedClasses(self._families or {})

    def _family(self, name: str) -> str:
        return _ALL if self._families is None else self._families.get(name, name)


def _own_ids(
    tracker: Any, detections: Detections, time_s: float, image: NDArray[np.uint8] | None
) -> list[int]:
    """Return what a tracker of the package calls each row."""
    given = detections.to_supervision()
    given.data[_ROW] = np.arange(len(detections))
    found = tracker.update(given, image, timestamp=time_s)
    ids = np.full(len(detections), UNTRACKED, np.int64)
    if len(found) and found.tracker_id is not None:
        ids[found.data[_ROW].astype(np.int64)] = found.tracker_id
    return [int(own) for own in ids]


class TrackedClasses:
    """Votes on the class of each track, against flicker between a leaf and its parent.

    Each detection votes with its score; older votes fade, those on a state sooner.

    Args:
        families: Super-class of each class by name.
    """

    def __init__(self, families: Mapping[str, str]) -> None:
        self._families = families
        self._votes: dict[int, dict[str, float]] = {}

    def vote(self, tracks: Tracks) -> Tracks:
        """Return the tracks with the class that leads in each track's votes."""
        found = tracks.detections
        labels, label_of = found.labels.copy(), {name: i for i, name in enumerate(found.classes)}
        for row, track in enumerate(tracks.ids):
            if track == UNTRACKED:
                continue
            name = found.classes[int(found.labels[row])]
            is_state = self._families.get(name, name) in WITH_STATES
            votes = self._votes.setdefault(int(track), {})
            for voted in votes:
                votes[voted] *= MEMORY_OF_STATES if is_state else MEMORY
            votes[name] = votes.get(name, 0.0) + float(found.scores[row])
            known = [voted for voted in votes if voted in label_of]  # the bank may have changed
            labels[row] = label_of[max(known, key=votes.__getitem__)]
        steady = Detections(found.boxes, found.scores, labels, found.classes)
        return Tracks(steady, tracks.ids)
