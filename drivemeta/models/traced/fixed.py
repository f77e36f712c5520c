"""Both networks in ONNX Runtime: adaptation runs them as they are, in a third of torch's time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import TypeVar

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor

from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import DenseArrays
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.networks import level1_graph, level2_graph, things_graph
from drivemeta.models.traced.session import session_of
from drivemeta.plugins.learner.embedding import in_parts

MOST_REMEMBERED = 16  # outputs of level 1, some 6 MB each

Seen = TypeVar("Seen")


class Same:
    """A value as part of a key: equal to itself alone, however alike others are.

    Args:
        value: Value; it is held, so that no other one takes its place.
    """

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        """Return whether it is the very same."""
        return isinstance(other, Same) and self._value is other._value

    def __hash__(self) -> int:
        """Return a number that the very same has."""
        return id(self._value)


class FixedNetworks:
    """The networks of a detector for inference alone.

    Their graphs are those that an export puts into the model, and are kept in the user's cache.

    Args:
        detector: Detector, whose networks must not change any more.
    """

    def __init__(self, detector: TwoLevelDetector) -> None:
        self._detector = detector
        self._seen: dict[bytes, DenseArrays] = {}

    def once(self, key: Hashable, look: Callable[[], Seen]) -> Seen:  # noqa: ARG002
        """Return what a function makes by these networks; a subclass may remember it.

        Args:
            key: What the function depends on beside the networks.
            look: Function.
        """
        return look()

    def dense(self, inputs: Tensor) -> DenseArrays:
        """Map one (1, 3, height, width) image of the input size to level 1's output.

        The last images are remembered: adaptation comes back to its support frames.
        """
        image = inputs.contiguous().numpy()
        key = hashlib.sha256(image.tobytes()).digest()
        if (known := self.recall(key)) is not None:
            return known
        boxes, quality, embeddings = self._level1.run(None, {"x": image})
        while len(self._seen) >= MOST_REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        self._seen[key] = found = DenseArrays(boxes[0], quality[0], embeddings[0])
        return found

    def recall(self, key: bytes) -> DenseArrays | None:
        """Return the output of level 1 for the image of a digest, None if it is not remembered."""
        return self._seen.get(key)

    def embed(self, crops: Tensor, *, things: bool = False) -> FloatArray:
        """Map crops to (n, dim) float32 embeddings.

        Args:
            crops: (n, 3, 64, 64), or those of things in their size.
            things: Whether they show things.
        """
        dim = self._detector.bank.crop.weights.shape[1]
        if not len(crops):
            return np.zeros((0, dim), np.float32)
        session = self._things if things else self._level2

        def run(part: Tensor) -> Tensor:
            return torch.from_numpy(session.run(None, {"x": part.numpy()})[0])

        found = in_parts(run, crops).numpy()
        missing = dim - found.shape[1]  # columns of a branch, which is none of things
        return np.pad(found, ((0, 0), (0, missing))).astype(np.float32)

    @cached_property
    def _level1(self) -> ort.InferenceSession:
        graph = level1_graph(self._detector.level1, self._detector.input_size)
        return session_of(graph, torch.get_num_threads())

    @cached_property
    def _things(self) -> ort.InferenceSession:
        assert self._detector.things is not None
        return session_of(things_graph(self._detector.things), torch.get_num_threads())

    @cached_property
    def _level2(self) -> ort.InferenceSession:
        return session_of(level2_graph(self._detector.level2), torch.get_num_threads())


class WithColumns(FixedNetworks):
    """Networks of a detector with a branch, by those of the detector without it: none is traced.

    Args:
        detector: Detector with the branch.
        networks: Networks without it.
        columns: Function from (n, 3, size, size) crops and their (n, dim) float32 embeddings to the
            (n, width) columns of the branch.
        things: Whether the branch is one of the embedding of things.
    """

    def __init__(
        self,
        detector: TwoLevelDetector,
        networks: FixedNetworks,
        columns: Callable[[Tensor, FloatArray], Tensor],
        *,
        things: bool,
    ) -> None:
        super().__init__(detector)
        self._networks, self._columns, self._of_things = networks, columns, things

    def dense(self, inputs: Tensor) -> DenseArrays:
        """Map one image to level 1's output, as `FixedNetworks.dense` does."""
        return self._networks.dense(inputs)

    @torch.no_grad()
    def embed(self, crops: Tensor, *, things: bool = False) -> FloatArray:
        """Map crops to embeddings, as `FixedNetworks.embed` does."""
        own = self._networks.embed(crops, things=things)
        wide = np.zeros((len(own), self._detector.bank.crop.weights.shape[1]), np.float32)
        wide[:, : own.shape[1]] = own
        if len(own) and things == self._of_things:
            wide[:, own.shape[1] :] = self._columns(crops, own).numpy()
        return wide
