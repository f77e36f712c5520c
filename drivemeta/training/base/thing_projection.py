"""Projections of the thing-embedding that are computed: at the start of training and at its end."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from drivemeta.models.things import ThingEmbedding

Projection = tuple[Tensor, Tensor]  # (dim, n_features) weight and (dim,) bias


def principal_projection(features: Tensor, dim: int) -> Projection:
    """Return the weight and bias of the principal components of features.

    Both levels of the features, the averages and the places, get the same length on average.

    Args:
        features: (n, n_features), the last 448 of them places of the finer map.
        dim: Number of components.
    """
    mean = features.mean(0)
    centred = features - mean
    coarse, fine = centred[:, : ThingEmbedding.n_coarse], centred[:, ThingEmbedding.n_coarse :]
    lengths = [part.norm(dim=1).mean().expand(part.shape[1]) for part in (coarse, fine)]
    scale = torch.cat(lengths).clamp(min=1e-6)
    _, _, components = torch.linalg.svd(centred / scale, full_matrices=False)
    weight = components[:dim] / scale
    if len(weight) < dim:
        weight = F.pad(weight, (0, 0, 0, dim - len(weight)))
    return weight, -(weight @ mean)


def joined_projection(features: Tensor, learnt: Projection) -> Projection:
    """Return a projection that keeps both what was learnt and how features vary otherwise.

    What tells the training classes apart is not all that tells new ones apart. The learnt
    embedding and the principal components, of the same length on average, are put side by side,
    and brought back to as many numbers by the directions that keep most of them.

    Args:
        features: (n, n_features) of training views.
        learnt: Weight and bias of the learnt projection.
    """
    dim = len(learnt[1])
    weights, biases = [], []
    for weight, bias in (learnt, principal_projection(features, dim)):
        length = (features @ weight.T + bias).norm(dim=1).mean().clamp(min=1e-6)
        weights.append(weight / length)
        biases.append(bias / length)
    weight, bias = torch.cat(weights), torch.cat(biases)  # (2 dim, n_features), (2 dim,)
    _, _, kept = torch.linalg.svd(features @ weight.T + bias, full_matrices=False)
    kept = kept[:dim]
    if len(kept) < dim:
        kept = F.pad(kept, (0, 0, 0, dim - len(kept)))
    return kept @ weight, kept @ bias
