"""Accuracy over episodes: how it is measured, and what comes of it."""

import pytest
import torch
from torch import nn

from drivemeta.plugins.learner.episodes import Episode
from drivemeta.training.meta.accuracy import accuracies, evaluate

RIGHT = (4, 2, 3)  # of four queries, by episode


class Counted:
    """Episodes of four queries; the support holds the number of the episode."""

    def seek(self, iteration):
        self.number = iteration

    def episode(self):
        labels = torch.zeros(4, dtype=torch.int64)
        return Episode(torch.tensor([float(self.number)]), labels[:1], labels, labels, 2)


def logits(model, episode):
    """Name as many queries rightly as `RIGHT` says, in evaluation mode alone."""
    assert not model.training
    assert not torch.is_grad_enabled()
    n_right = RIGHT[int(episode.support[0])]
    return torch.tensor([[1.0, 0.0]] * n_right + [[0.0, 1.0]] * (4 - n_right))


def test_accuracy_is_the_mean_over_episodes_of_a_model_in_evaluation_mode():
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3)).train()
    found = evaluate(model, logits, Counted(), 3)
    assert (found.mean, found.n_episodes) == (pytest.approx(0.75), 3)
    assert found.interval == pytest.approx(1.96 * 0.25 / 3**0.5)
    assert accuracies(model.train(), logits, Counted(), 2).tolist() == [1.0, 0.5]
