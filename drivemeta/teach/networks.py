"""The networks of the base for a session of many adaptations: what they saw once is remembered."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import DenseArrays
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.fixed import FixedNetworks, Seen
from drivemeta.runtime.cores import usable_cores


class RememberingNetworks(FixedNetworks):
    """Networks that embed no crop twice, and stop where what they work for is out of date.

    Args:
        detector: Detector, whose networks must not change any more.
        beside: Networks of the same detector, whose last frames need not be looked at again.

    Attributes:
        check: Function called before each run of a network; what it raises ends the work.
        most_crops: Most embeddings that are remembered, of half a kilobyte.
        most_looks: Most looks, some of them with a frame.
    """

    most_crops = 40_000
    most_looks = 64

    def __init__(self, detector: TwoLevelDetector, beside: FixedNetworks | None = None) -> None:
        super().__init__(detector)
        self.check: Callable[[], None] = _go_on
        self._beside = beside
        self._known: dict[bytes, FloatArray] = {}
        self._looks: dict[Hashable, Any] = {}

    def once(self, key: Hashable, look: Callable[[], Seen]) -> Seen:
        """Return what a function makes by these networks, as it made it before."""
        self.check()
        found: Seen = self._looks.pop(key) if key in self._looks else look()
        self._looks[key] = found  # the last one
        while len(self._looks) > self.most_looks:
            self._looks.pop(next(iter(self._looks)))
        return found

    def recall(self, key: bytes) -> DenseArrays | None:
        """Return a remembered output of level 1, as `FixedNetworks.recall` does."""
        found = super().recall(key)
        return self._beside.recall(key) if found is None and self._beside else found

    def dense(self, inputs: Tensor) -> DenseArrays:
        """Map one image to level 1's output, as `FixedNetworks.dense` does."""
        self.check()
        return super().dense(inputs)

    def embed(self, crops: Tensor, *, things: bool = False) -> FloatArray:
        """Map crops to embeddings, as `FixedNetworks.embed` does."""
        self.check()
        keys = [_key(crop, things) for crop in crops]
        new = [place for place, key in enumerate(keys) if key not in self._known]
        fresh = super().embed(crops[new], things=things)
        found = {key: self._known[key] for key in keys if key in self._known}
        found |= {keys[place]: row for place, row in zip(new, fresh, strict=True)}
        self._known |= found
        while len(self._known) > self.most_crops:
            self._known.pop(next(iter(self._known)))
        return np.stack([found[key] for key in keys]) if keys else fresh


def _key(crop: Tensor, things: bool) -> bytes:
    data = crop.contiguous().numpy().tobytes()
    return hashlib.blake2b(data, digest_size=16, person=b"thing" if things else b"sign").digest()


def _go_on() -> None:
    """Nothing is out of date."""


def give_way() -> None:
    """Let this thread and those that it begins leave the processor to the page."""
    torch.set_num_threads(max(1, usable_cores() - 1))
    if sys.platform == "linux":
        os.nice(10)  # there, of a thread alone
