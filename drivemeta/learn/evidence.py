"""What the base sees in the support frames: which boxes it finds, crops of them, and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.core import Letterbox
from drivemeta.core.boxes import FloatArray, iou_matrix
from drivemeta.core.score_rule import Located
from drivemeta.data.images import read_image
from drivemeta.data.support import SupportSet
from drivemeta.learn.inference import FixedNetworks
from drivemeta.learn.proposals import propose
from drivemeta.learn.support import LabelledImages
from drivemeta.models.crops import roi_crops, to_tensor
from drivemeta.models.detector import TwoLevelDetector

FOUND_IOU = 0.5
SMALL_IOU = 0.25
SMALL_SIDE = 16.0
NEAR_IOU = 0.3
MAX_NEGATIVES = 24
# Shift in x and y and log scale of the views of a box, in box sizes: as a detector errs.
VIEWS = (
    (0.0, 0.0, 0.0),
    (0.06, 0.0, 0.0),
    (-0.06, 0.0, 0.0),
    (0.0, 0.06, 0.0),
    (0.0, -0.06, 0.0),
    (0.0, 0.0, 0.12),
    (0.0, 0.0, -0.1),
)
GAINS = (1.0, 0.75, 1.25)
NOTHING = Located(
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Support boxes and negatives, as level 1 proposes and level 2 will see them.

    Attributes:
        labelled: augmented views of every support box, and negatives.
        found: (n_boxes,) float32, score of the proposal that matches each box, 0 where none does.
        roots: (n_boxes,) int64, super-class of that proposal, -1 where none does.
        held: (n_boxes, 3, 64, 64) the crop that the detector itself would take of each box.
        labels: (n_boxes,) int64 classes of the boxes.
        negative_scores: (n_negatives,) float32, level-1 scores of the negatives.
        negative_roots: (n_negatives,) int64.
        frames: the images read, uint8 BGR, with the support boxes of each.
        box_frames: (n_boxes,) int64, the frame of each box.
        negative_frames: (n_negatives,) int64.
        negative_sure: (n_negatives,) bool, no new class for certain, however alike.
        of_crops: the boxes are plain crops, and level 1 was not asked for them.
        embedded: like `labelled`, with level 2's embeddings in place of the crops.
        held_embeddings: (n_boxes, dim) float32, of `held`.
        networks: what proposed and embedded, for whoever needs more of it.
        compared: first and end of the columns that are unit vectors, which new rows are compared
            with; all of them unless level 2 has a branch.
    """

    labelled: LabelledImages
    found: NDArray[np.float32]
    roots: NDArray[np.int64]
    held: Tensor
    labels: NDArray[np.int64]
    negative_scores: NDArray[np.float32]
    negative_roots: NDArray[np.int64]
    frames: tuple[tuple[NDArray[np.uint8], FloatArray], ...]
    box_frames: NDArray[np.int64]
    negative_frames: NDArray[np.int64]
    negative_sure: NDArray[np.bool_]
    of_crops: bool
    embedded: LabelledImages
    held_embeddings: FloatArray
    networks: FixedNetworks
    compared: tuple[int, int | None] = (0, None)

    def without_frame(self, frame: int) -> Evidence:
        """Return what there would be without one of the frames; shots keep their numbers."""
        boxes, rest = self.box_frames != frame, self.negative_frames != frame
        gone = np.flatnonzero(~boxes)

        def cut(task: LabelledImages) -> LabelledImages:
            return replace(
                task.without_shots(gone), negatives=task.negatives[torch.from_numpy(rest)]
            )

        return replace(
            self,
            labelled=cut(self.labelled),
            embedded=cut(self.embedded),
            found=self.found[boxes],
            roots=self.roots[boxes],
            held=self.held[torch.from_numpy(boxes)],
            held_embeddings=self.held_embeddings[boxes],
            labels=self.labels[boxes],
            negative_scores=self.negative_scores[rest],
            negative_roots=self.negative_roots[rest],
            frames=tuple(f for i, f in enumerate(self.frames) if i != frame),
            box_frames=self.box_frames[boxes],
            negative_frames=self.negative_frames[rest],
            negative_sure=self.negative_sure[rest],
        )


def observe(
    base: TwoLevelDetector,
    support: SupportSet,
    negatives: Sequence[Path] = (),
    *,
    exhaustive: bool = False,
) -> Evidence:
    """Run the base over the support frames.

    Args:
        base: the detector to adapt.
        support: the annotated boxes.
        negatives: images that hold no object of the new classes.
        exhaustive: the support frames have every instance annotated, so that whatever else the
            base proposes there is a negative without further doubt.
    """
    views, labels, held, found, roots, rest = [], [], [], [], [], []
    frames: list[tuple[NDArray[np.uint8], FloatArray]] = []
    networks = FixedNetworks(base)
    for image, boxes, own_labels, ignored in _frames(support, negatives, base.scoring.context):
        is_crop = support.of_crops and len(frames) < len(support.images)
        proposals = NOTHING if is_crop else propose(base, image, networks=networks)
        frame = to_tensor(image)
        for box, label in zip(boxes, own_labels, strict=True):
            match, score, root = _match(base, proposals, box, image.shape[:2])
            views.append(_views(frame, box, base.scoring.context))
            labels.append(int(label))
            held.append(roi_crops(frame, torch.from_numpy(match[None]), base.scoring.context)[0])
            found.append(score)
            roots.append(root)
        known = boxes if exhaustive else np.concatenate([boxes, ignored])
        rest.append(_negatives(frame, proposals, known, base.scoring.context))
        frames.append((image, boxes))
    sizes = [len(v) for v in views]
    labelled = LabelledImages(
        torch.cat(views),
        torch.from_numpy(np.repeat(labels, sizes).astype(np.int64)),
        torch.from_numpy(np.repeat(np.arange(len(views)), sizes)),
        support.classes,
        torch.cat([crops for crops, _, _ in rest]),
    )
    embedded = replace(
        labelled,
        images=torch.from_numpy(networks.embed(labelled.images)),
        negatives=torch.from_numpy(networks.embed(labelled.negatives)),
    )
    negative_frames = np.repeat(np.arange(len(frames)), [len(scores) for _, scores, _ in rest])
    return Evidence(
        labelled,
        np.array(found, np.float32),
        np.array(roots, np.int64),
        torch.stack(held),
        np.array(labels, np.int64),
        np.concatenate([scores for _, scores, _ in rest]),
        np.concatenate([roots for _, _, roots in rest]),
        tuple(frames),
        np.repeat(np.arange(len(frames)), [len(boxes) for _, boxes in frames]),
        negative_frames,
        (negative_frames >= len(support.images)) | exhaustive,
        support.of_crops,
        embedded,
        networks.embed(torch.stack(held)),
        networks,
    )


def _frames(
    support: SupportSet, negatives: Sequence[Path], context: float
) -> Iterator[tuple[NDArray[np.uint8], FloatArray, NDArray[np.int64], FloatArray]]:
    """Yield images with the boxes to learn, their labels, and the boxes to ignore.

    A plain crop is surrounded by its edge repeated, as wide as the context that level 2 sees.
    """
    none = np.zeros((0, 4), np.float32)
    for item in support.images:
        learn, image, boxes = ~item.ignore, read_image(item.path), item.boxes
        if support.of_crops:
            y, x = (int(np.ceil(side * (context - 1) / 2)) for side in item.size)
            image = np.asarray(
                cv2.copyMakeBorder(image, y, y, x, x, cv2.BORDER_REPLICATE), np.uint8
            )
            boxes = (boxes + np.array([x, y, x, y])).astype(np.float32)
        yield image, boxes[learn], item.labels[learn], boxes[~learn]
    for path in negatives:
        yield read_image(path), none, np.zeros(0, np.int64), none


def _match(
    base: TwoLevelDetector, proposals: Located, box: FloatArray, frame_hw: tuple[int, int]
) -> tuple[FloatArray, float, int]:
    """Return the best proposal that finds a box, else the box itself with score 0.

    A box of a few pixels is missed by a pixel's error at IoU 0.5, so less will do for it.
    """
    scale = Letterbox.fit(frame_hw, base.input_size).scale
    small = (box[2:] - box[:2]).min() * scale < SMALL_SIDE
    overlaps = iou_matrix(proposals.boxes, box[None])[:, 0]
    found = np.flatnonzero(overlaps >= (SMALL_IOU if small else FOUND_IOU))
    if not len(found):
        return box, 0.0, -1
    best = found[0]  # proposals come best score first
    return proposals.boxes[best], float(proposals.scores[best]), int(proposals.roots[best])


def _views(frame: Tensor, box: FloatArray, context: float) -> Tensor:
    """Return views of a box that differ in place, scale and light; none is mirrored."""
    size = box[2:] - box[:2]
    boxes = []
    for dx, dy, log_scale in VIEWS:
        centre = (box[:2] + box[2:]) / 2 + np.array([dx, dy]) * size
        half = size / 2 * np.exp(log_scale)
        boxes.append(np.concatenate([centre - half, centre + half]))
    crops = roi_crops(frame, torch.from_numpy(np.array(boxes, np.float32)), context)
    return torch.cat([(crops * gain).clamp(max=1) for gain in GAINS])


def _negatives(
    frame: Tensor, proposals: Located, known: FloatArray, context: float
) -> tuple[Tensor, NDArray[np.float32], NDArray[np.int64]]:
    """Return crops, scores and super-classes of the best proposals that touch no known box."""
    overlaps = iou_matrix(proposals.boxes, known).max(1, initial=0)
    chosen = np.flatnonzero(overlaps < NEAR_IOU)[:MAX_NEGATIVES]
    crops = roi_crops(frame, torch.from_numpy(proposals.boxes[chosen]), context)
    return crops, proposals.scores[chosen], proposals.roots[chosen]
