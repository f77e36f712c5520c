"""Batch normalisation by the statistics of reference images."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ReferenceNorm2d(nn.BatchNorm2d):
    """Batch norm that can take its statistics from the first images of a batch alone.

    With `n_reference` the first images (an episode's support) normalise all of them, so that no
    query sees another one: inductive. Without it, it is ordinary batch norm.
    """

    def forward(self, images: Tensor, n_reference: int | None = None) -> Tensor:
        """Normalise (n, C, H, W) features."""
        if n_reference is None:
            return super().forward(images)
        if not len(images):
            return images
        reference = images[:n_reference]
        if reference.dtype == torch.bfloat16:
            reference = reference.float()
        # Not F.batch_norm: its second derivative is wrong where vmap maps over tasks.
        variance, mean = torch.var_mean(reference, (0, 2, 3), correction=0)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        scale, shift = scale.to(images.dtype), shift.to(images.dtype)
        return images * scale[:, None, None] + shift[:, None, None]
