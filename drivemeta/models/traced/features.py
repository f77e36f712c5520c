"""Level 2's features before its last layer, from ONNX Runtime: what branches are learnt from."""

from __future__ import annotations

from functools import cached_property

import onnxruntime as ort
import torch
from torch import Tensor

from drivemeta.models.level2 import CROP_SIZE, Level2
from drivemeta.models.traced.frozen import Trunk
from drivemeta.models.traced.networks import trunk_graph
from drivemeta.models.traced.session import session_of
from drivemeta.plugins.learner.embedding import in_parts


class Level2Features:
    """The backbone of a level 2, for inference alone.

    Args:
        level2: Level 2, whose weights must not change any more.
    """

    def __init__(self, level2: Level2) -> None:
        self.n_features = level2.project.in_features
        self._level2 = level2

    def __call__(self, crops: Tensor) -> Tensor:
        """Map (n, 3, 64, 64) float RGB in [0, 1] to (n, n_features) float32."""
        if not len(crops):
            return torch.zeros(0, self.n_features)
        return in_parts(self._embed, crops)

    def _embed(self, crops: Tensor) -> Tensor:
        found = self._session.run(None, {"x": crops.contiguous().numpy()})[0]
        return torch.from_numpy(found.reshape(len(crops), -1))

    @cached_property
    def _session(self) -> ort.InferenceSession:
        trunk = Trunk(self._level2.backbone, len(self._level2.backbone.blocks))
        graph = trunk_graph(trunk, (CROP_SIZE, CROP_SIZE), ["map_0"])
        return session_of(graph, torch.get_num_threads())
