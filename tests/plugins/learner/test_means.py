"""Means of embeddings: agreement of vectors, clusters, small ones among them, classes."""

import pytest
import torch
from torch.nn import functional as F

from drivemeta.plugins.learner.means import (
    agreement,
    class_means,
    max_by_class,
    spherical_means,
    sum_by_class,
)


def bunch(axis: int, n: int, dim: int = 8) -> torch.Tensor:
    """Return `n` unit vectors near one axis."""
    noise = 0.1 * torch.randn(n, dim, generator=torch.Generator().manual_seed(axis))
    return F.normalize(noise + torch.eye(dim)[axis], dim=-1)


def test_agreement_is_the_cosine_to_the_sum_of_the_others():
    vectors = bunch(0, 4)
    expected = [
        F.cosine_similarity(vectors[i], vectors[torch.arange(4) != i].sum(0), dim=0)
        for i in range(4)
    ]
    torch.testing.assert_close(agreement(vectors), torch.stack(expected))


def test_a_stranger_agrees_with_nobody():
    agreed = agreement(torch.cat([bunch(0, 5), bunch(3, 1)]))
    assert int(agreed.argmin()) == 5
    assert agreed[5] < 0.5 * agreed[:5].min()


@pytest.mark.parametrize(("least", "n_means"), [(1, 2), (2, 1)])
def test_small_clusters_are_left_out_on_request(least, n_means):
    means = spherical_means(torch.cat([bunch(0, 6), bunch(3, 1)]), 2, least=least)
    assert len(means) == n_means
    assert (means @ torch.eye(8)[0]).max() > 0.95


def test_something_is_left_where_all_clusters_are_small():
    assert len(spherical_means(torch.cat([bunch(0, 1), bunch(3, 1)]), 2, least=3)) == 2


def test_means_of_unequal_shots():
    embeddings = torch.tensor([[1.0], [2.0], [3.0], [10.0]])
    means = class_means(embeddings, torch.tensor([0, 0, 0, 1]), 2)
    assert means.tolist() == [[2.0], [10.0]]


def test_sums_and_maxima_by_class():
    values, labels = torch.tensor([[1.0, 2.0, -3.0]]), torch.tensor([1, 1, 0])
    assert sum_by_class(values, labels, 2).tolist() == [[-3.0, 3.0]]
    assert max_by_class(values, labels, 2).tolist() == [[-3.0, 2.0]]
