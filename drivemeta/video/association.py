"""What the tracker plugins share: the `trackers` package's types, and a steady class a track."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from drivemeta.core import UNTRACKED, Detections, Tracks

if TYPE_CHECKING:
    import supervision

# Detections have passed the threshold of their class already, so none counts as doubtful here.
SCORE_FLOOR = 0.01
_ROW = "row"
_MEMORY = 0.9


def associate(
    update: Callable[[supervision.Detections], supervision.Detections], detections: Detections
) -> Tracks:
    """Run a tracker of the `trackers` package; rows keep their order and boxes."""
    given = detections.to_supervision()
    given.data[_ROW] = np.arange(len(detections))
    found = update(given)
    ids = np.full(len(detections), UNTRACKED, np.int64)
    if len(found) and found.tracker_id is not None:
        ids[found.data[_ROW].astype(np.int64)] = found.tracker_id
    return Tracks(detections, ids)


class TrackedClasses:
    """Votes on the class of each track, against flicker between a leaf and its parent.

    Each detection votes with its score; older votes fade.
    """

    def __init__(self) -> None:
        self._votes: dict[int, dict[int, float]] = {}

    def vote(self, tracks: Tracks) -> Tracks:
        """Return the tracks with the class that leads in each track's votes."""
        found = tracks.detections
        labels = found.labels.copy()
        for row, track in enumerate(tracks.ids):
            if track == UNTRACKED:
                continue
            votes = self._votes.setdefault(int(track), {})
            for label in votes:
                votes[label] *= _MEMORY
            label = int(found.labels[row])
            votes[label] = votes.get(label, 0.0) + float(found.scores[row])
            labels[row] = max(votes, key=lambda name: votes[name])
        steady = Detections(found.boxes, found.scores, labels, found.classes)
        return Tracks(steady, tracks.ids)
