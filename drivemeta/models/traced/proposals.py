"""What level 1 finds in a frame, in torch, as adaptation sees it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from drivemeta.core import Letterbox
from drivemeta.core.letterbox import GREY
from drivemeta.core.score_rule import DenseArrays, Located, locate
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.fixed import FixedNetworks

# Level 1's output where the user's own detector stands in its place.
NO_PLACE = DenseArrays(
    np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
)


def to_input(frame: Tensor, size: tuple[int, int]) -> tuple[Tensor, Letterbox]:
    """Fit a (3, height, width) frame into level 1's input, (1, 3, *size)."""
    box = Letterbox.fit((frame.shape[1], frame.shape[2]), size)
    resized = F.interpolate(frame[None], (box.height, box.width), mode="bilinear")
    padding = (0, size[1] - box.width, 0, size[0] - box.height)
    return F.pad(resized, padding, value=GREY / 255), box


@torch.no_grad()
def propose(
    detector: TwoLevelDetector,
    image: NDArray[np.uint8],
    min_score: float = 0.001,
    networks: FixedNetworks | None = None,
) -> Located:
    """Run level 1 over one (height, width, 3) uint8 BGR image; boxes in its pixels.

    With `networks`, those of the detector in ONNX Runtime are run instead of torch's.
    """
    dense = dense_of(detector, image, networks)
    size = (image.shape[0], image.shape[1])
    found = locate(dense, detector.bank, detector.scoring, size, detector.input_size)
    return found[: int((found.scores >= min_score).sum())]


@torch.no_grad()
def dense_of(
    detector: TwoLevelDetector, image: NDArray[np.uint8], networks: FixedNetworks | None = None
) -> DenseArrays:
    """Return the output of level 1 and of the user's own detector, whichever there are.

    Boxes are in pixels of level 1's input; the image is (height, width, 3) uint8 BGR.
    """
    inputs, box = to_input(to_tensor(image), detector.input_size)
    if not detector.has_dense:
        dense = NO_PLACE
    elif networks is None:
        dense = DenseArrays(*(part[0].numpy() for part in detector.level1(inputs)))
    else:
        dense = networks.dense(inputs)
    return dense if detector.own is None else detector.own.joined(dense, image, box.scale)
