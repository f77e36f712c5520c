"""Episodes from labels as they come."""

import pytest
import torch

from drivemeta.plugins.learner.episodes import make_episode
from drivemeta.plugins.learner.means import class_means, max_by_class, sum_by_class


def test_labels_need_not_be_contiguous():
    support = torch.tensor([7, -2, 40, 7])
    episode = make_episode(torch.zeros(4, 2), support, torch.zeros(2, 2), torch.tensor([40, -2]))
    assert episode.n_way == 3
    assert episode.support_labels.tolist() == [1, 0, 2, 1]
    assert episode.query_labels.tolist() == [2, 0]


def test_a_query_of_no_class_is_refused():
    with pytest.raises(ValueError, match=r"labelled \[9\].*support labels: \[1\]"):
        make_episode(torch.zeros(1, 2), torch.tensor([1]), torch.zeros(1, 2), torch.tensor([9]))


def test_means_of_unequal_shots():
    embeddings = torch.tensor([[1.0], [2.0], [3.0], [10.0]])
    means = class_means(embeddings, torch.tensor([0, 0, 0, 1]), 2)
    assert means.tolist() == [[2.0], [10.0]]


def test_sums_and_maxima_by_class():
    values, labels = torch.tensor([[1.0, 2.0, -3.0]]), torch.tensor([1, 1, 0])
    assert sum_by_class(values, labels, 2).tolist() == [[-3.0, 3.0]]
    assert max_by_class(values, labels, 2).tolist() == [[-3.0, 2.0]]
