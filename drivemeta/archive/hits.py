"""What a search finds: a hit is an object, seen in one frame or in several on end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drivemeta.archive.segment_file import vectors_of
from drivemeta.core.bank import ALIKE
from drivemeta.core.boxes import FloatArray, box_area, iou_matrix

GAP = 2.5  # steps between looks, over which an object is taken for the same
LEAST_IOU = 0.3
REACH = 4.0  # sides of a box that an object may move from one look to the next


@dataclass(frozen=True, eq=False)
class Hit:
    """An object that was found, by its best view.

    Attributes:
        video: Place of the video.
        name: Class.
        score: Score of the best view, in [0, 1].
        threshold: Threshold of the class.
        frame: Frame of the best view.
        pts: Its time stamp, or None.
        time_s: Its time.
        box: Left, top, right, bottom in pixels of that frame.
        size: Height and width of the frame.
        superclass: Super-class that level 1 found it as.
        found: Level 1's score.
        quality: Level 1's quality.
        sharpness: Sharpness of its crop, None where it was not embedded.
        first_s: Time at which it was first seen.
        last_s: Time at which it was last seen.
        n_views: Frames that it was seen in.
        embedding: (dim,) float16 of the best view.
    """

    video: str
    name: str
    score: float
    threshold: float
    frame: int
    pts: int | None
    time_s: float
    box: tuple[float, float, float, float]
    size: tuple[int, int]
    superclass: str
    found: float
    quality: float
    sharpness: float | None
    first_s: float
    last_s: float
    n_views: int
    embedding: NDArray[np.float16]

    @property
    def margin(self) -> float:
        """By how much its score is above the threshold."""
        return self.score - self.threshold


def hits_of(table: pa.Table, names: Sequence[str], thresholds: FloatArray) -> list[Hit]:
    """Return the rows that `matches` gives as hits of one view each, in the order of the rows."""
    if not table.num_rows:
        return []
    vectors, _ = vectors_of(table["embedding"])
    rows = table.drop_columns(["embedding"]).to_pylist()
    return [
        Hit(
            video=row["video"],
            name=names[row["found_label"]],
            score=row["found_score"],
            threshold=float(thresholds[row["found_label"]]),
            frame=row["frame"],
            pts=row["pts"],
            time_s=row["time_s"],
            box=(row["x1"], row["y1"], row["x2"], row["y2"]),
            size=(row["height"], row["width"]),
            superclass=row["superclass"],
            found=row["score"],
            quality=row["quality"],
            sharpness=row["sharpness"],
            first_s=row["time_s"],
            last_s=row["time_s"],
            n_views=1,
            embedding=vector.copy(),
        )
        for row, vector in zip(rows, vectors, strict=True)
    ]


def merged(hits: Iterable[Hit], step_s: float | None) -> Iterator[Hit]:
    """Yield hits with the views of one object in successive frames made one, its best view told.

    Two views are of one object if they are of one class, at most two looks apart, and overlap, or
    are alike by their embeddings and no farther apart than a few of their own sides.

    Args:
        hits: Hits of one video, in order of time.
        step_s: Seconds from one look to the next; None where each frame is another scene.
    """
    open_: list[tuple[Hit, Hit]] = []  # best view, last view
    for frame in _by_frame(hits):
        now = frame[0].time_s
        if step_s is None:
            yield from frame
            continue
        over = [best for best, last in open_ if now - last.time_s > GAP * step_s]
        open_ = [pair for pair in open_ if now - pair[1].time_s <= GAP * step_s]
        yield from over
        taken = _joined([last for _, last in open_], frame)
        for j, view in enumerate(frame):
            if j in taken:
                best, _ = open_[taken[j]]
                open_[taken[j]] = (_with_view(best, view), view)
        open_ += [(view, view) for j, view in enumerate(frame) if j not in taken]
    yield from (best for best, _ in open_)


def _with_view(best: Hit, view: Hit) -> Hit:
    """Return a hit that was seen once more."""
    better = view if view.score > best.score else best
    return replace(better, first_s=best.first_s, last_s=view.time_s, n_views=best.n_views + 1)


def _joined(last: Sequence[Hit], views: Sequence[Hit]) -> dict[int, int]:
    """Return which open hit each view goes on, most alike first."""
    if not last or not views:
        return {}
    a, b = (np.array([hit.box for hit in part], np.float32) for part in (last, views))
    overlap = iou_matrix(a, b)
    cosines = np.stack([h.embedding for h in last]).astype(np.float32) @ np.stack(
        [h.embedding for h in views]
    ).T.astype(np.float32)
    centres = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (a, b)]
    far = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=2)
    sides = np.sqrt(np.maximum(box_area(a)[:, None], box_area(b)[None]))
    near = (cosines >= ALIKE) & (far <= REACH * sides)
    same = np.array([[one.name == other.name for other in views] for one in last])
    likeness = np.where(same & ((overlap >= LEAST_IOU) | near), overlap + cosines, -np.inf)
    found: dict[int, int] = {}
    for flat in np.argsort(-likeness, axis=None):
        i, j = divmod(int(flat), len(views))
        if likeness[i, j] == -np.inf:
            break
        if j not in found and i not in found.values():
            found[j] = i
    return found


def _by_frame(hits: Iterable[Hit]) -> Iterator[list[Hit]]:
    frame: list[Hit] = []
    for hit in hits:
        if frame and hit.frame != frame[0].frame:
            yield frame
            frame = []
        frame.append(hit)
    if frame:
        yield frame
