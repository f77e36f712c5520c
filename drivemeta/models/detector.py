"""The detector as one value: two networks, the bank that names their embeddings, constants."""

from __future__ import annotations

import numpy as np
from torch import nn

from drivemeta.core import SUPER_CLASSES, BankRows, ClassBank, ClassSpec
from drivemeta.core.scoring import Scoring
from drivemeta.errors import InputError

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

    Attributes:
        level1: (N, 3, h, w) float RGB in [0, 1] -> `DenseOutput`.
        level2: (K, 3, 64, 64) float RGB in [0, 1] -> (K, dim), L2-normalised.
        bank: Classes known; replaced as a whole, never changed in place.
        scoring: Constants of the score rule.
        input_size: Height and width in pixels that frames are fitted into for level 1.
        architecture: Name of the detector plugin that builds level 1.
    """

    def __init__(
        self,
        level1: nn.Module,
        level2: nn.Module,
        bank: ClassBank,
        scoring: Scoring | None = None,
        input_size: tuple[int, int] = INPUT_SIZE,
        architecture: str = ARCHITECTURE,
    ) -> None:
        super().__init__()
        self.level1 = level1
        self.level2 = level2
        self.bank = bank
        self.scoring = scoring or Scoring()
        self.input_size = input_size
        self.architecture = architecture

    def with_(
        self,
        *,
        bank: ClassBank | None = None,
        level2: nn.Module | None = None,
        scoring: Scoring | None = None,
        input_size: tuple[int, int] | None = None,
    ) -> TwoLevelDetector:
        """Return a detector that differs in what is given and shares the rest, networks too."""
        other = TwoLevelDetector(
            self.level1,
            self.level2 if level2 is None else level2,
            self.bank if bank is None else bank,
            self.scoring if scoring is None else scoring,
            self.input_size if input_size is None else input_size,
            self.architecture,
        )
        other.training = self.training  # its own flag alone: the networks are those of both
        return other


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
