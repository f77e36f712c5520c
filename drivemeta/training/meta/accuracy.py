"""Accuracy over episodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from drivemeta.plugins.learner.episodes import Episode

Z_95 = 1.96

Logits = Callable[[nn.Module, Episode], Tensor]


class Episodes(Protocol):
    """Gives episodes to be tested on, as a `TaskSource` does."""

    def seek(self, iteration: int) -> None:
        """Begin an episode; what is drawn depends on its number alone."""

    def episode(self) -> Episode:
        """Draw a task with support and query."""


@dataclass(frozen=True)
class Accuracy:
    """Mean accuracy over episodes, and half the width of its 95 % interval, both 0 to 1."""

    mean: float
    interval: float
    n_episodes: int

    @classmethod
    def of(cls, found: Tensor) -> Accuracy:
        """Return that of the (n_episodes,) accuracies of episodes, at least two."""
        interval = Z_95 * float(found.std()) / math.sqrt(len(found))
        return cls(float(found.mean()), interval, len(found))


@torch.no_grad()
def accuracies(model: nn.Module, logits: Logits, tasks: Episodes, n_episodes: int) -> Tensor:
    """Return the (n_episodes,) float32 accuracy of each; the model is left in evaluation mode.

    Args:
        model: Model that was meta-trained.
        logits: Function of the learner that gives logits.
        tasks: Tasks, sought at 0, 1, ..., so that all methods are given the same.
        n_episodes: Number of episodes.
    """
    model.eval()
    found = []
    for index in range(n_episodes):
        tasks.seek(index)
        episode = tasks.episode()
        named = logits(model, episode).argmax(1)
        found.append((named == episode.query_labels).float().mean())
    return torch.stack(found)


def evaluate(model: nn.Module, logits: Logits, tasks: Episodes, n_episodes: int) -> Accuracy:
    """Return the accuracy over at least two episodes, as `accuracies` does."""
    return Accuracy.of(accuracies(model, logits, tasks, n_episodes))
