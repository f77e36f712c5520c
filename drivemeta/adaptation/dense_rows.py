"""Rows of level 1 for objects that the base does not find: a new kind of object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from drivemeta.adaptation.base_places import Places
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import DenseArrays
from drivemeta.models.assignment import pairwise_iou, prior
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level1 import grid
from drivemeta.models.traced.proposals import to_input
from drivemeta.plugins.learner.inner_loop import Params, descend

N_LOCATIONS = 4
BACKGROUND_QUANTILE = 0.9995
N_HARD = 256
N_STEPS = 20
RATE = 0.01


class Labels(Protocol):
    """The class of each support box."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) int64 classes of the boxes of all frames, in their order."""


class RunsLevel1(Protocol):
    """Runs level 1, as `FixedNetworks` does."""

    def dense(self, inputs: Tensor) -> DenseArrays:
        """Map one (1, 3, height, width) image of the input size to level 1's output."""


class Shots(Protocol):
    """What is needed of an `Evidence` to learn a row of level 1."""

    @property
    def frames(self) -> Sequence[tuple[NDArray[np.uint8], FloatArray]]:
        """Images, uint8 BGR, with the (n, 4) boxes of each in frame pixels."""

    @property
    def boxes(self) -> Labels:
        """What is known of the boxes."""

    @property
    def networks(self) -> RunsLevel1:
        """What runs level 1."""


@dataclass(frozen=True, eq=False)
class Locations:
    """What level 1 embeds at the places of a class and elsewhere in the same frames.

    Attributes:
        shots: (n_boxes, dim) unit vectors, each the weighted mean at the places of one box.
        places: (n_boxes * 4, dim) unit vectors, the places themselves.
        background: (n, dim) unit vectors of places away from all annotated boxes.
        quality: (n,) logits of the quality of these places.
    """

    shots: Tensor
    places: Tensor
    background: Tensor
    quality: Tensor

    def beside(self, elsewhere: Places) -> Locations:
        """Return the same with further places that do not show the class."""
        if not len(elsewhere):
            return self
        seen = Places.joined((Places(self.background, self.quality), elsewhere))
        return replace(self, background=seen.embeddings, quality=seen.quality)


def learn_dense(
    base: TwoLevelDetector, evidence: Shots, label: int, n_steps: int = N_STEPS
) -> tuple[FloatArray, float]:
    """Learn the row of a class that level 1 itself is to find: imprint it, then step by gradients.

    Qi et al., "Low-Shot Learning with Imprinted Weights", 2018, arXiv 1712.07136. Different from
    it: the bias is put half-way between the objects and the background of the support frames. Only
    the row learns; level 1 and the rows of the base stay as they are.

    Args:
        base: Detector whose level 1 is run over the support frames.
        evidence: Frames and boxes.
        label: Class to learn.
        n_steps: Number of steps of gradient descent after imprinting.

    Returns:
        The (dim,) float32 unit row and its bias.
    """
    return learnt(embed_locations(base, evidence, label), base.scoring.dense_scale, n_steps)


def learnt(found: Locations, scale: float, n_steps: int = N_STEPS) -> tuple[FloatArray, float]:
    """Return the row and bias of `learn_dense` from what was seen at a scale of logits."""
    row = F.normalize(found.shots.mean(0), dim=-1)
    if n_steps:
        row = stepped(row, found, scale, n_steps)
    return row.numpy(), bias_of(row, found)


def bias_of(row: Tensor, found: Locations) -> float:
    """Return the cosine half-way between the objects and the nearest background."""
    near = float((found.shots @ row).median())
    far = float(torch.quantile(found.background @ row, BACKGROUND_QUANTILE))
    return (near + far) / 2


def stepped(row: Tensor, found: Locations, scale: float, n_steps: int) -> Tensor:
    """Move a unit row by descent on the logistic loss of its places and of hard background.

    Half of the loss is of the places, half of the background that the imprinted row takes most for
    the class, so that a frame's thousands of easy places have no say.
    """
    n_hard = min(N_HARD, len(found.background))
    hard = found.background[(found.background @ row).topk(n_hard).indices]

    def loss(params: Params) -> Tensor:
        unit = F.normalize(params["row"], dim=-1)
        own, other = (scale * (e @ unit - params["bias"]) for e in (found.places, hard))
        return F.softplus(-own).mean() + F.softplus(other).mean()

    start = {"row": row, "bias": torch.tensor(bias_of(row, found))}
    with torch.no_grad():
        rates = {"row": torch.tensor(RATE), "bias": torch.tensor(0.1 * RATE)}
        fast = descend(loss, start, rates, n_steps, first_order=True)
    return F.normalize(fast["row"], dim=-1)


@torch.no_grad()
def embed_locations(base: TwoLevelDetector, evidence: Shots, label: int) -> Locations:
    """Run level 1 over the support frames that show a class.

    Args:
        base: Detector.
        evidence: Frames and boxes.
        label: Class.
    """
    shots, places, background, qualities = [], [], [], []
    first = 0
    for image, boxes in evidence.frames:
        own = evidence.boxes.labels[first : first + len(boxes)] == label
        first += len(boxes)
        if not own.any():
            continue
        inputs, letterbox = to_input(to_tensor(image), base.input_size)
        output = evidence.networks.dense(inputs)
        embeddings, quality = torch.from_numpy(output.embeddings), torch.from_numpy(output.quality)
        found = torch.from_numpy(output.boxes)  # (A, 4)
        centres, strides = grid(*base.input_size, len(embeddings))
        objects = torch.from_numpy(letterbox.to_input(boxes))
        overlaps, near = pairwise_iou(found, objects), prior(centres, strides, objects)
        fit = near * (0.2 + overlaps)  # (A, n)
        for i in np.flatnonzero(own):
            weights, index = fit[:, i].topk(N_LOCATIONS)
            shots.append((embeddings[index] * weights[:, None]).sum(0))
            places.append(embeddings[index])
        away = (overlaps.amax(1) < 0.1) & (near.amax(1) < 1e-3)
        background.append(embeddings[away])
        qualities.append(quality[away])
    return Locations(
        F.normalize(torch.stack(shots), dim=-1),
        torch.cat(places),
        torch.cat(background),
        torch.cat(qualities),
    )
