"""The detector as one value: two networks, the bank that names their embeddings, constants."""

from __future__ import annotations

import hashlib

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.core import SUPER_CLASSES, BankRows, ClassBank, ClassSpec
from drivemeta.core.scoring import Scoring
from drivemeta.errors import InputError
from drivemeta.models.crops import roi_crops
from drivemeta.models.digest import weights_digest
from drivemeta.models.level2 import CROP_SIZE
from drivemeta.models.own import OwnFinder
from drivemeta.models.things import THING_CROP_SIZE

INPUT_SIZE = (576, 1024)
STRIDE = 64  # of level 1: its input is a multiple of it
ARCHITECTURE = "lite"


class TwoLevelDetector(nn.Module):
    """Level 1, level 2, the class bank and the constants of the score rule.

    Args:
        level1: (N, 3, h, w) float RGB in [0, 1] -> `DenseOutput`.
        level2: (K, 3, 64, 64) float RGB in [0, 1] -> (K, dim), L2-normalised.
        bank: Classes known.
        scoring: Constants of the score rule; the usual ones if None.
        input_size: Height and width in pixels that frames are fitted into for level 1.
        architecture: Name of the detector plugin that builds level 1.
        things: (K, 3, size, size) float RGB in [0, 1] -> (K, 128), L2-normalised: the embedding of
            things, see `core.things`; None if level 2 embeds them as well. Like level 2's, it may
            be followed by the columns of a branch.
        own: Detector of the user's own beside level 1 or in its place, if any.

    Attributes:
        level1: (N, 3, h, w) float RGB in [0, 1] -> `DenseOutput`.
        level2: (K, 3, 64, 64) float RGB in [0, 1] -> (K, dim), L2-normalised.
        bank: Classes known; replaced as a whole, never changed in place.
        scoring: Constants of the score rule.
        input_size: Height and width in pixels that frames are fitted into for level 1.
        architecture: Name of the detector plugin that builds level 1.
        things: Embedding of things, or None.
        own: Detector of the user's own beside level 1 or in its place, None without.
    """

    def __init__(  # noqa: PLR0913  (the parts of a detector)
        self,
        level1: nn.Module,
        level2: nn.Module,
        bank: ClassBank,
        scoring: Scoring | None = None,
        input_size: tuple[int, int] = INPUT_SIZE,
        architecture: str = ARCHITECTURE,
        things: nn.Module | None = None,
        own: OwnFinder | None = None,
    ) -> None:
        super().__init__()
        self.level1 = level1
        self.level2 = level2
        self.bank = bank
        self.scoring = scoring or Scoring()
        self.input_size = input_size
        self.architecture = architecture
        self.things = things
        self.own = own

    @property
    def has_dense(self) -> bool:
        """Whether level 1 runs, so that rows of new kinds can be learnt from its places."""
        return self.own is None or not self.own.facts.alone

    def digest(self) -> str:
        """Return what tells its networks apart from others, the user's own detector included."""
        mine = weights_digest(nn.ModuleList(self.networks))
        if self.own is None:
            return mine
        return hashlib.sha256(f"{mine} {self.own.facts.digest}".encode()).hexdigest()

    def with_(
        self,
        *,
        bank: ClassBank | None = None,
        level2: nn.Module | None = None,
        scoring: Scoring | None = None,
        input_size: tuple[int, int] | None = None,
        things: nn.Module | None = None,
        own: OwnFinder | None = None,
    ) -> TwoLevelDetector:
        """Return a detector that differs in what is given and shares the rest, networks too."""
        other = TwoLevelDetector(
            self.level1,
            self.level2 if level2 is None else level2,
            self.bank if bank is None else bank,
            self.scoring if scoring is None else scoring,
            self.input_size if input_size is None else input_size,
            self.architecture,
            self.things if things is None else things,
            self.own if own is None else own,
        )
        other.training = self.training  # its own flag alone: the networks are those of both
        return other

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """Level 1, level 2, and the embedding of things if there is one."""
        networks = (self.level1, self.level2)
        return networks if self.things is None else (*networks, self.things)

    def crops(self, frame: Tensor, boxes: Tensor, *, things: bool) -> Tensor:
        """Cut (n, 4) boxes out of a (3, height, width) frame, as level 2 sees them.

        Args:
            frame: Float RGB in [0, 1].
            boxes: Float32 xyxy in pixels of the frame.
            things: Whether they show things.
        """
        if things:
            return roi_crops(frame, boxes, self.scoring.thing_context, THING_CROP_SIZE)
        return roi_crops(frame, boxes, self.scoring.context, CROP_SIZE)

    def embed(self, crops: Tensor, *, things: bool) -> Tensor:
        """Map (n, 3, size, size) crops to (n, dim) embeddings, by the network of `things`."""
        network = self.things if things else self.level2
        assert network is not None
        found: Tensor = network(crops)
        return F.pad(found, (0, self.bank.crop.weights.shape[1] - found.shape[1]))


def fitted_to(detector: TwoLevelDetector, input_size: tuple[int, int]) -> TwoLevelDetector:
    """Return a detector that fits frames into another height and width for level 1.

    Raises:
        InputError: a side is no multiple of 64.
    """
    if any(side < STRIDE or side % STRIDE for side in input_size):
        raise InputError(
            f"expected an input size of multiples of {STRIDE}, found {input_size[0]}x"
            f"{input_size[1]}; for instance 576x1024 or 384x640 (height x width)"
        )
    return detector.with_(input_size=input_size)


def super_class_bank(weights: np.ndarray, biases: np.ndarray, crop_dim: int) -> ClassBank:
    """Return the bank of the super-classes alone.

    Args:
        weights: (5, dense_dim) float32, L2-normalised, in the order of `SUPER_CLASSES`.
        biases: (5,) float32.
        crop_dim: Length of level 2's embedding.
    """
    labels = np.arange(len(SUPER_CLASSES), dtype=np.int64)
    rows = BankRows(weights.astype(np.float32), biases.astype(np.float32), labels, labels)
    return ClassBank(tuple(map(ClassSpec, SUPER_CLASSES)), rows, BankRows.empty(crop_dim))
