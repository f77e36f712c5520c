"""Level 2's features before its last layer, from ONNX Runtime: what branches are learnt from."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor

from drivemeta.export.networks import session_of, trunk_graph
from drivemeta.learn.frozen import Trunk
from drivemeta.models.level2 import CROP_SIZE, Level2

BATCH = 64


class Features:
    """The backbone of a level 2, for inference alone.

    Args:
        level2: its weights must not change any more.
    """

    def __init__(self, level2: Level2) -> None:
        self.n_features = level2.project.in_features
        self._level2 = level2
        self._session: ort.InferenceSession | None = None

    def __call__(self, crops: Tensor) -> Tensor:
        """Map (n, 3, 64, 64) float RGB in [0, 1] to (n, n_features) float32."""
        if self._session is None:  # traced when it is first needed
            trunk = Trunk(self._level2.backbone, len(self._level2.backbone.blocks))
            graph = trunk_graph(trunk, (CROP_SIZE, CROP_SIZE), ["map_0"])
            self._session = session_of(graph, torch.get_num_threads())
        parts = [
            self._session.run(None, {"x": part.contiguous().numpy()})[0].reshape(len(part), -1)
            for part in torch.split(crops, BATCH)
            if len(part)
        ]
        none = np.zeros((0, self.n_features), np.float32)
        return torch.from_numpy(np.concatenate([none, *parts]))
