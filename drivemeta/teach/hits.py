"""Hits: where a clip shows a class that was learnt, and what the user said of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import ClassBank
from drivemeta.core.boxes import iou_matrix
from drivemeta.teach.found import FoundRows
from drivemeta.teach.state import State, Xyxy

SAME_IOU = 0.4
MOST_SENT = 400  # hits of a class
Status = Literal["open", "accepted", "rejected"]


@dataclass(frozen=True)
class ClipHit:
    """A box of a frame that is taken for a class.

    Attributes:
        clip: Name of the clip.
        frame: Number of the frame.
        xyxy: Place in pixels of the frame.
        name: Name of the class.
        score: Score in [0, 1].
    """

    clip: str
    frame: int
    xyxy: Xyxy
    name: str
    score: float

    @property
    def key(self) -> str:
        """What tells it from others of its class, whatever is learnt meanwhile."""
        return "/".join([self.clip, str(self.frame), *(f"{side:.0f}" for side in self.xyxy)])


def hits_of(clip: str, found: FoundRows, bank: ClassBank, names: Iterable[str]) -> list[ClipHit]:
    """Return what there is of some classes.

    Args:
        clip: Name of the clip.
        found: What there is of the bank's classes in some of its frames.
        bank: Classes.
        names: Names of the classes that are wanted; those that the bank lacks are passed over.
    """
    wanted = [bank.index(name) for name in names if name in bank.names]
    hits = []
    for at in np.flatnonzero(np.isin(found.labels, wanted)).tolist():
        left, top, right, bottom = (round(float(side), 1) for side in found.boxes[at])
        name, score = bank.names[int(found.labels[at])], float(found.scores[at])
        frame = int(found.frames[at])
        hits.append(ClipHit(clip, frame, (left, top, right, bottom), name, score))
    return hits


class Decisions:
    """What a state says of hits, looked up by frame.

    Args:
        state: State.
    """

    def __init__(self, state: State) -> None:
        self._boxes: dict[tuple[str, int], list[tuple[str, Xyxy]]] = {}
        self._rejected: dict[tuple[str, int, str], list[Xyxy]] = {}
        for box in state.boxes:
            self._boxes.setdefault((box.clip, box.frame), []).append((box.name, box.xyxy))
        for no in state.rejected:
            self._rejected.setdefault((no.clip, no.frame, no.name), []).append(no.xyxy)

    def status(self, hit: ClipHit) -> Status | None:
        """Return what was said of a hit; None of one that was annotated as another class."""
        boxes = self._boxes.get((hit.clip, hit.frame), [])
        if boxes:
            over = _overlaps(hit.xyxy, [place for _, place in boxes])
            best = int(over.argmax())
            if over[best] >= SAME_IOU:
                return "accepted" if boxes[best][0] == hit.name else None
        rejected = self._rejected.get((hit.clip, hit.frame, hit.name), [])
        if rejected and _overlaps(hit.xyxy, rejected).max() >= SAME_IOU:
            return "rejected"
        return "open"


def sent(hits: Sequence[ClipHit], state: State, name: str) -> list[dict[str, Any]]:
    """Return the best hits of a class as JSON values, best first."""
    decisions = Decisions(state)
    rows = []
    own = sorted((hit for hit in hits if hit.name == name), key=lambda hit: -hit.score)
    for hit in own:
        if (status := decisions.status(hit)) is not None:
            score = round(hit.score, 4)
            place = {"clip": hit.clip, "frame": hit.frame, "xyxy": hit.xyxy}
            rows.append({"key": hit.key, **place, "score": score, "status": status})
            if len(rows) >= MOST_SENT:
                break
    return rows


def _overlaps(box: Xyxy, others: Sequence[Xyxy]) -> NDArray[np.float32]:
    one = np.array([box], np.float32)
    overlaps: NDArray[np.float32] = iou_matrix(one, np.array(others, np.float32))[0]
    return overlaps
