"""Both networks in ONNX Runtime: adaptation runs them as they are, in a third of torch's time."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor

from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import DenseArrays
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.networks import level1_graph, level2_graph
from drivemeta.models.traced.session import session_of
from drivemeta.plugins.learner.embedding import in_parts


class FixedNetworks:
    """The networks of a detector for inference alone.

    Their graphs are those that an export puts into the model, and are kept in the user's cache.

    Args:
        detector: Detector, whose networks must not change any more.
    """

    def __init__(self, detector: TwoLevelDetector) -> None:
        self._detector = detector

    def dense(self, inputs: Tensor) -> DenseArrays:
        """Map one (1, 3, height, width) image of the input size to level 1's output."""
        boxes, quality, embeddings = self._level1.run(None, {"x": inputs.contiguous().numpy()})
        return DenseArrays(boxes[0], quality[0], embeddings[0])

    def embed(self, crops: Tensor) -> FloatArray:
        """Map (n, 3, 64, 64) crops to (n, dim) float32 embeddings."""
        if not len(crops):
            return np.zeros((0, self._detector.bank.crop.weights.shape[1]), np.float32)
        return np.asarray(in_parts(self._embed, crops).numpy(), np.float32)

    def _embed(self, crops: Tensor) -> Tensor:
        return torch.from_numpy(self._level2.run(None, {"x": crops.numpy()})[0])

    @cached_property
    def _level1(self) -> ort.InferenceSession:
        graph = level1_graph(self._detector.level1, self._detector.input_size)
        return session_of(graph, torch.get_num_threads())

    @cached_property
    def _level2(self) -> ort.InferenceSession:
        return session_of(level2_graph(self._detector.level2), torch.get_num_threads())
