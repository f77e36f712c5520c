"""Episodes and pairs as tensors, drawn from a pool of images in memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from drivemeta.data.episodes import ImagePool, Indices, Shape, draw_episode, draw_pairs
from drivemeta.learn.episodes import Episode, Pairs

LARGEST = 255.0


class PoolTasks:
    """A task source: what it draws depends on the seed and the iteration alone.

    Args:
        pool: images by class.
        shape: of an episode.
        seed: of all drawing.
        n_pairs: pairs of one draw.
    """

    def __init__(self, pool: ImagePool, shape: Shape, seed: int, n_pairs: int = 128) -> None:
        self._pool, self._shape, self._seed, self._n_pairs = pool, shape, seed, n_pairs
        self.seek(0)

    @property
    def n_way(self) -> int:
        """Classes of an episode."""
        return self._shape.n_way

    def seek(self, iteration: int) -> None:
        """Begin an iteration."""
        self._rng = np.random.default_rng([self._seed, iteration])

    def episode(self) -> Episode:
        """Draw a task with support and query."""
        classes, support, query = draw_episode(self._pool, self._shape, self._rng)
        return Episode(
            *self._labelled(classes, support), *self._labelled(classes, query), self.n_way
        )

    def task(self) -> Episode:
        """Draw a task whose support holds the images of the query too."""
        return self.episode().without_query()

    def pairs(self) -> Pairs:
        """Draw pairs of images, half of them of one class."""
        left, right, same = draw_pairs(self._pool, self._n_pairs, self._rng)
        images = [self._images(side[:, 0], side[:, 1]) for side in (left, right)]
        return Pairs(images[0], images[1], torch.from_numpy(same.astype(np.float32)))

    def _labelled(self, classes: Indices, chosen: Indices) -> tuple[Tensor, Tensor]:
        labels = np.arange(len(classes)).repeat(chosen.shape[1])
        return self._images(classes[labels], chosen.ravel()), torch.from_numpy(labels)

    def _images(self, classes: Indices, chosen: Indices) -> Tensor:
        """Return (n, 1, height, width) float images in [0, 1], ink 1."""
        drawn = torch.from_numpy(self._pool.images[classes, chosen])
        return drawn[:, None].float().div_(LARGEST)
