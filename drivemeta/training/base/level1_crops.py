"""Training crops of level 1: scale, place, light, pasted signs, and what each source annotates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from drivemeta.core import Letterbox
from drivemeta.core.boxes import FloatArray, box_area, clip_boxes
from drivemeta.core.letterbox import GREY
from drivemeta.data.readers.files import read_image
from drivemeta.training.base.level1_loss import Targets
from drivemeta.training.base.sources import SourceImage
from drivemeta.training.photometric import degrade, jitter_colours

LEAST_SIDE = 4.0
LEAST_VISIBLE = 0.4


@dataclass(frozen=True)
class CropRule:
    """How a crop is taken.

    Attributes:
        size: Height and width in pixels of the crop.
        reference: Height and width that frames are fitted into at inference.
        zoom: Least and greatest size of the frame, relative to the fit into `reference`.
        paste: Chance that sign crops are pasted into a crop.
        focus: Weight of each class by label, 1 where it is not named, in the choice of what a crop
            is centred on.
    """

    size: tuple[int, int] = (320, 512)
    reference: tuple[int, int] = (576, 1024)
    zoom: tuple[float, float] = (0.5, 1.25)
    paste: float = 0.2
    focus: Mapping[int, float] = field(default_factory=dict)


class FrameCropSampler:
    """Draws training crops from several sources.

    Args:
        sources: Images and the share of crops that each source is to give.
        rule: Rule by which crops are taken.
        pasted: Paths of tight sign crops to paste; may be empty.
        seed: Seed of all that is random.
    """

    def __init__(
        self,
        sources: list[tuple[list[SourceImage], float]],
        rule: CropRule,
        pasted: list[str],
        seed: int,
    ) -> None:
        shares = np.array([share for _, share in sources])
        self._sources = [images for images, _ in sources]
        self._shares = shares / shares.sum()
        self._rule = rule
        self._pasted = pasted
        self._rng = np.random.default_rng(seed)

    def batch(self, n: int) -> tuple[torch.Tensor, list[Targets]]:
        """Return (n, 3, height, width) float RGB in [0, 1] and what is known of each image."""
        crops, targets = zip(*(self.sample() for _ in range(n)), strict=True)
        images = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 255
        return images.contiguous(memory_format=torch.channels_last), list(targets)

    def sample(self) -> tuple[NDArray[np.uint8], Targets]:
        """Return one crop, (height, width, 3) uint8 RGB, and its targets."""
        rng = self._rng
        images = self._sources[rng.choice(len(self._sources), p=self._shares)]
        source = images[rng.integers(len(images))]
        frame = cv2.cvtColor(read_image(source.path), cv2.COLOR_BGR2RGB)
        matrix = self._affine(source, frame.shape[:2])
        height, width = self._rule.size
        crop = cv2.warpAffine(frame, matrix, (width, height), borderValue=(GREY,) * 3)
        boxes = transform_boxes(source.boxes, matrix)
        boxes, labels, ignore = _visible(boxes, source, height, width)
        if self._pasted and rng.random() < self._rule.paste:
            crop, boxes, labels = self._paste(crop, boxes, labels, source.sign_label)
        crop = degrade(jitter_colours(crop, rng), rng, chance=0.15)
        return crop, Targets(
            torch.from_numpy(boxes),
            torch.from_numpy(labels),
            torch.from_numpy(ignore),
            torch.from_numpy(np.asarray(source.coverage, np.int64)),
        )

    def _affine(self, source: SourceImage, size: tuple[int, int]) -> NDArray[np.float64]:
        """Return the 2x3 matrix from frame to crop pixels: zoom, place, aspect, mirror."""
        rng, rule = self._rng, self._rule
        zoom = np.exp(rng.uniform(*np.log(rule.zoom)))
        scale = Letterbox.fit(size, rule.reference).scale * zoom
        scale_x, scale_y = scale * np.exp(rng.normal(0, 0.05, 2))
        height, width = rule.size
        centre = self._centre(source, size)
        half = np.array([width / scale_x, height / scale_y]) / 2
        low, high = (
            np.minimum(half, np.array(size[::-1]) - half),
            np.array(size[::-1]) - half,
        )
        centre = np.clip(centre, low, np.maximum(low, high))
        mirror = -1.0 if source.mirror and rng.random() < 0.5 else 1.0
        return np.array(
            [
                [mirror * scale_x, 0, width / 2 - mirror * scale_x * centre[0]],
                [0, scale_y, height / 2 - scale_y * centre[1]],
            ]
        )

    def _centre(self, source: SourceImage, size: tuple[int, int]) -> NDArray[np.float64]:
        """Return the x, y in the frame to centre on: often near an object, by `focus`."""
        rng = self._rng
        learnt = np.flatnonzero(~source.ignore)
        if not len(learnt) or rng.random() < 0.3:
            return np.array([rng.uniform(0, size[1]), rng.uniform(0, size[0])])
        labels = np.unique(source.labels[learnt])
        weights = np.array([self._rule.focus.get(int(label), 1.0) for label in labels])
        label = rng.choice(labels, p=weights / weights.sum())
        box = source.boxes[rng.choice(learnt[source.labels[learnt] == label])]
        jitter = rng.normal(0, 0.12, 2) * np.array([size[1], size[0]])
        return np.asarray((box[:2] + box[2:]) / 2 + jitter, np.float64)

    def _paste(
        self,
        crop: NDArray[np.uint8],
        boxes: FloatArray,
        labels: NDArray[np.int64],
        label: int,
    ) -> tuple[NDArray[np.uint8], FloatArray, NDArray[np.int64]]:
        """Blend up to three sign crops into free places."""
        rng = self._rng
        height, width = crop.shape[:2]
        crop = crop.copy()
        for _ in range(rng.integers(1, 4)):
            sign = read_image(Path(self._pasted[rng.integers(len(self._pasted))]))
            side = int(np.exp(rng.uniform(np.log(10), np.log(64))))
            x, y = (
                int(rng.integers(0, width - side)),
                int(rng.integers(0, height - side)),
            )
            box = np.array([[x, y, x + side, y + side]], np.float32)
            if len(boxes) and _overlaps(boxes, box[0]):
                continue
            resized = cv2.resize(sign[..., ::-1], (side, side), interpolation=cv2.INTER_AREA)
            mask = np.zeros((side, side), np.float32)
            axes = (side // 2, side // 2)
            cv2.ellipse(mask, axes, axes, 0, 0, 360, 1.0, -1)
            mask = cv2.GaussianBlur(mask, (0, 0), max(0.6, side / 24))[..., None]
            region = crop[y : y + side, x : x + side]
            crop[y : y + side, x : x + side] = (mask * resized + (1 - mask) * region).astype(
                np.uint8
            )
            inset = np.array([[0.06, 0.06, -0.06, -0.06]], np.float32) * side
            boxes = np.concatenate([boxes, box + inset])
            labels = np.append(labels, label)
        return crop, boxes, labels


def transform_boxes(boxes: FloatArray, matrix: NDArray[np.float64]) -> FloatArray:
    """Map (n, 4) xyxy boxes by a 2x3 matrix without rotation; mirrored boxes are put right."""
    corners = np.asarray(boxes, np.float64).reshape(-1, 2, 2) * matrix[[0, 1], [0, 1]]
    corners += matrix[:, 2]
    low, high = corners.min(1), corners.max(1)
    return np.concatenate([low, high], 1).astype(np.float32)


def _visible(
    boxes: FloatArray, source: SourceImage, height: int, width: int
) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    """Split boxes into those to learn and regions to ignore: too small, or mostly cut off."""
    clipped = clip_boxes(boxes, height, width)
    sides = clipped[:, 2:] - clipped[:, :2]
    inside = (sides > 1).all(1)
    share = box_area(clipped) / np.maximum(box_area(boxes), 1e-6)
    learn = inside & ~source.ignore & (sides.min(1, initial=np.inf) >= LEAST_SIDE)
    learn &= share >= LEAST_VISIBLE
    return clipped[learn], source.labels[learn], clipped[inside & ~learn]


def _overlaps(boxes: FloatArray, box: FloatArray) -> bool:
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    return bool((sides > 0).all(1).any())
