"""The last layer of an embedding, which learners may change."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class LastLayer(nn.Module):
    """Level 2's last layer by itself, for learners that adapt it.

    Args:
        n_features: Number of features of the backbone's flattened output.
        dim: Dimensions of the embedding.
    """

    def __init__(self, n_features: int, dim: int) -> None:
        super().__init__()
        self.n_features = n_features
        self.dim = dim
        self.project = nn.Linear(n_features, dim)

    @classmethod
    def of(cls, linear: nn.Linear) -> LastLayer:
        """Return a copy of a level 2's last layer, of its `project`."""
        layer = cls(linear.in_features, linear.out_features)
        layer.project.load_state_dict(linear.state_dict())
        return layer

    def forward(self, features: Tensor) -> Tensor:
        """Map (n, n_features) to (n, dim), L2-normalised."""
        return F.normalize(self.project(features), dim=-1)
