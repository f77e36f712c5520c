"""Which way to read a file is the right one: all are tried on images, and told with figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray, box_area, clip_boxes, iou_matrix, nms
from drivemeta.core.own import Tried
from drivemeta.errors import ModelFileError
from drivemeta.own.candidates import Candidate
from drivemeta.own.file import OwnFile
from drivemeta.own.preparing import prepare_frame

Image = NDArray[np.uint8]
MIN_SCORE, STRONG, MOST_BOXES, SAME_IOU = 0.05, 0.3, 50, 0.5
# A figure of a hundredth is nothing found: a right way has ten times that on any street.
LEAST_FIGURE = 0.01
# Two ways whose figures are nearer than this are equally good; they are one if their boxes are.
NEAR, ALIKE_IOU = 0.03, 0.9
MOST_AREA = 0.8  # of the frame
SHIFT = (37, 23)  # pixels right and down: no multiple of a stride


@dataclass(frozen=True, eq=False)
class TrialFrame:
    """A frame to try ways on.

    Attributes:
        image: (height, width, 3) uint8 BGR.
        boxes: (n, 4) float32, boxes that are to be found; None where nobody says.
        labels: (n,) int64, index of the super-class of each.
        name: Name of its file; empty for a drawn one.
    """

    image: Image
    boxes: FloatArray | None = None
    labels: NDArray[np.int64] | None = None
    name: str = ""


@dataclass(frozen=True, eq=False)
class FrameRows:
    """What is found in a frame after suppression, best first: boxes, scores, labels."""

    boxes: FloatArray
    scores: FloatArray
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrialOutcome:
    """How the trial went.

    Attributes:
        winner: Way to read the file.
        tried: All ways, the best first.
    """

    winner: Candidate
    tried: tuple[Tried, ...]


def try_all(
    file: OwnFile,
    options: Sequence[Candidate],
    frames: Sequence[TrialFrame],
    groups: NDArray[np.int64],
) -> TrialOutcome:
    """Return the way to read a file that does best on frames.

    With boxes that are to be found, the figure is the mean over them of the score of the best
    detection of their super-class, times its overlap from 0.5 on. Without, it is the mean over
    frames of what the detections agree on in the frame, its mirror image and the frame moved: the
    sum of their least scores, times their overlap. A wrong order of channels or range lowers
    scores; wrong boxes do not move with the frame.

    Args:
        file: Detector's file.
        options: Ways to read it.
        frames: Frames to try them on.
        groups: (n_classes,) int64, index of each class's super-class, -1 for none.

    Raises:
        ModelFileError: none finds anything, or two are equally good and differ in their boxes.
    """
    _ = file.session  # a file that cannot be run is told once, not for each way
    judged: list[_Judged] = []
    refused = []
    for option in options:
        try:
            judged.append(_Judged.of(file, option, frames, groups))
        except ModelFileError as error:
            refused.append(str(error))
    if not judged:
        raise ModelFileError(f"{file.path}: no way to read it holds: {'; '.join(refused)}")
    judged.sort(key=lambda each: -each.tried.figure)
    first, least = judged[0], (1 - NEAR) * judged[0].tried.figure
    if first.tried.figure < LEAST_FIGURE:
        ways = "; ".join(f"{each.option} {each.tried.figure:.3f}" for each in judged)
        raise ModelFileError(
            f"{file.path}: no way to read it finds anything in {len(frames)} images ({ways}); give "
            "images that show its classes by --images, or annotated ones by --data"
        )
    for other in judged[1:]:
        if other.tried.figure >= least and not _alike(first.rows, other.rows):
            raise ModelFileError(_undecided(file, first, other))
    return TrialOutcome(first.option, tuple(each.tried for each in judged))


@dataclass(frozen=True, eq=False)
class _Judged:
    """A way to read a file, its figures, and what it found in each frame."""

    option: Candidate
    tried: Tried
    rows: list[FrameRows]

    @classmethod
    def of(
        cls,
        file: OwnFile,
        option: Candidate,
        frames: Sequence[TrialFrame],
        groups: NDArray[np.int64],
    ) -> _Judged:
        found = [_judge(file, option, frame, groups) for frame in frames]
        rows = [rows for rows, *_ in found]
        tried = Tried(
            option.name,
            dict(option.way.choices),
            _figure(found),
            max(float(r.scores.max(initial=0)) for r in rows),
            float(np.mean([(r.scores >= STRONG).sum() for r in rows])),
        )
        return cls(option, tried, rows)


def rows_of(boxes: FloatArray, scores: FloatArray, frame_hw: tuple[int, int]) -> FrameRows:
    """Return the best of (n, 4) boxes with (n, n_classes) scores, after suppression by class.

    Boxes are clipped to the frame of that height and width; one that covers nearly all of it would
    agree with itself wherever the frame is moved, and goes.
    """
    boxes = clip_boxes(boxes, *frame_hw)
    sane = box_area(boxes) <= MOST_AREA * frame_hw[0] * frame_hw[1]
    boxes, scores = boxes[sane], scores[sane]
    best, labels = scores.max(1, initial=0), scores.argmax(1) if len(scores) else np.zeros(0, int)
    kept = np.argsort(-best, kind="stable")[: 10 * MOST_BOXES]
    kept = kept[best[kept] >= MIN_SCORE]
    boxes, best, labels = boxes[kept], best[kept], labels[kept].astype(np.int64)
    chosen = nms(boxes, best.astype(np.float32), labels, SAME_IOU)[:MOST_BOXES]
    return FrameRows(boxes[chosen], best[chosen].astype(np.float32), labels[chosen])


def _judge(
    file: OwnFile, option: Candidate, frame: TrialFrame, groups: NDArray[np.int64]
) -> tuple[FrameRows, float, int]:
    """Return what a way finds in a frame, the sum of its figure, and what to divide it by."""

    def find(image: Image) -> FrameRows:
        found = option.find(file, prepare_frame(image, option.way.frame))
        return rows_of(*found, (image.shape[0], image.shape[1]))

    rows = find(frame.image)
    if frame.boxes is None or frame.labels is None:
        return rows, _agreement(rows, frame.image, find), 1
    own = groups[rows.labels] if len(rows.labels) else rows.labels
    overlaps = iou_matrix(frame.boxes, rows.boxes)
    overlaps[frame.labels[:, None] != own[None]] = 0
    overlaps[overlaps < SAME_IOU] = 0
    return rows, float((overlaps * rows.scores[None]).max(1, initial=0).sum()), len(frame.boxes)


def _agreement(rows: FrameRows, image: Image, find: Callable[[Image], FrameRows]) -> float:
    """Return what the rows agree on with those of the mirrored and of the moved frame."""
    width = image.shape[1]
    mirrored = find(np.ascontiguousarray(image[:, ::-1]))
    back = width - mirrored.boxes[:, [2, 1, 0, 3]]
    back[:, [1, 3]] = mirrored.boxes[:, [1, 3]]
    x, y = SHIFT
    moved = find(
        np.asarray(cv2.copyMakeBorder(image, y, 0, x, 0, cv2.BORDER_REPLICATE), np.uint8)[
            : image.shape[0], : image.shape[1]
        ]
    )
    unmoved = moved.boxes - np.array([x, y, x, y], np.float32)
    both = [
        _paired(rows, FrameRows(boxes, other.scores, other.labels))
        for boxes, other in ((back, mirrored), (unmoved, moved))
    ]
    return float(np.minimum(*both).sum())


def _paired(rows: FrameRows, others: FrameRows) -> FloatArray:
    """Return the (n,) overlap of each row with its like among others, times the lesser score."""
    overlaps = iou_matrix(rows.boxes, others.boxes)
    overlaps[(rows.labels[:, None] != others.labels[None]) | (overlaps < SAME_IOU)] = 0
    agreed = overlaps * np.minimum(rows.scores[:, None], others.scores[None])
    return np.asarray(agreed.max(1, initial=0), np.float32)


def _figure(found: Sequence[tuple[FrameRows, float, int]]) -> float:
    return sum(figure for _, figure, _ in found) / max(1, sum(n for *_, n in found))


def _alike(first: Sequence[FrameRows], second: Sequence[FrameRows]) -> bool:
    """Return whether two ways find the same boxes and classes."""
    overlaps = [np.zeros(0, np.float32)]
    for one, other in zip(first, second, strict=True):
        strong = one.scores >= STRONG
        same = iou_matrix(one.boxes[strong], other.boxes)
        same[one.labels[strong][:, None] != other.labels[None]] = 0
        overlaps.append(same.max(1, initial=0))
    joined = np.concatenate(overlaps)
    return bool(len(joined) and joined.mean() >= ALIKE_IOU)


def _undecided(file: OwnFile, first: _Judged, second: _Judged) -> str:
    mine, theirs = first.tried.choices, second.tried.choices
    differing = [key for key in mine if theirs.get(key, mine[key]) != mine[key]]
    options = [f"--choose {key}={mine[key]!r} or {key}={theirs[key]!r}" for key in differing]
    if first.option.name != second.option.name:
        options = [f"--layout {first.option.name} or --layout {second.option.name}"]
    return (
        f"{file.path}: {first.option} and {second.option} do equally well "
        f"({first.tried.figure:.3f} and {second.tried.figure:.3f}) and give different boxes; "
        f"decide by {', '.join(options)}, or give annotated images by --data"
    )
