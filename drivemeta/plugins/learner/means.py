"""Means of embeddings, by clusters and by classes, and other values of a class."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def spherical_means(vectors: Tensor, n_means: int, n_rounds: int = 10, *, least: int = 1) -> Tensor:
    """Cluster (n, dim) unit vectors by cosine; return at most `n_means` unit means.

    Starts from the vectors that lie farthest apart, so the result does not depend on chance.

    Args:
        vectors: (n, dim), unit length.
        n_means: Greatest number of clusters.
        n_rounds: Number of rounds of assignment and averaging.
        least: Least number of vectors of a cluster; smaller ones are left out, unless there are no
            others.
    """
    means = F.normalize(vectors.mean(0, keepdim=True), dim=-1)
    if n_means == 1 or len(vectors) == 1:
        return means
    chosen = [int((vectors @ means[0]).argmax())]
    while len(chosen) < min(n_means, len(vectors)):
        chosen.append(int((vectors @ vectors[chosen].T).amax(1).argmin()))
    means = vectors[chosen]
    for _ in range(n_rounds):
        nearest = (vectors @ means.T).argmax(1)
        means = mean_by(vectors, nearest)
    sizes = torch.bincount((vectors @ means.T).argmax(1), minlength=len(means))
    large = sizes >= least
    return means[large] if large.any() else means


def agreement(vectors: Tensor) -> Tensor:
    """Return the (n,) cosine of each of (n, dim) unit vectors, n > 1, to the sum of the others."""
    others = vectors.sum(0) - vectors
    return (vectors * F.normalize(others, dim=-1)).sum(-1)


def mean_by(vectors: Tensor, groups: Tensor) -> Tensor:
    """Return the unit mean of each group that occurs, in ascending order of the groups."""
    means = [vectors[groups == group].mean(0) for group in torch.unique(groups)]
    return F.normalize(torch.stack(means), dim=-1)


def class_means(embeddings: Tensor, labels: Tensor, n_way: int) -> Tensor:
    """Average (n, dim) embeddings by class; return (n_way, dim)."""
    weights = F.one_hot(labels, n_way).to(embeddings.dtype)  # (n, n_way)
    return (weights.T @ embeddings) / weights.sum(0)[:, None]


def sum_by_class(values: Tensor, labels: Tensor, n_way: int) -> Tensor:
    """Sum (n_query, n_support) values over the support of each class; return (n_query, n_way)."""
    return values @ F.one_hot(labels, n_way).to(values.dtype)


def max_by_class(values: Tensor, labels: Tensor, n_way: int) -> Tensor:
    """Take the largest of (n_query, n_support) values of each class; return (n_query, n_way)."""
    own = F.one_hot(labels, n_way).bool()  # (n_support, n_way)
    return values[:, :, None].masked_fill(~own, -torch.inf).amax(1)
