"""Episodes and pairs as tensors, drawn from a pool of images in memory."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from drivemeta.data.episodes import ImagePool, Indices, Shape, draw_episode, draw_pairs
from drivemeta.learn.episodes import Episode, Pairs

LARGEST = 255.0
TURN, SHEAR, SCALES, SHIFT = np.deg2rad(10), 0.3, (0.8, 1.2), 4 / 105


class PoolTasks:
    """A task source: what it draws depends on the seed and the iteration alone.

    Args:
        pool: images by class.
        shape: of an episode.
        seed: of all drawing.
        n_pairs: pairs of one draw.
        distort: turn, shear, scale and shift each image a little, at random.
    """

    def __init__(
        self,
        pool: ImagePool,
        shape: Shape,
        seed: int,
        n_pairs: int = 128,
        *,
        distort: bool = False,
    ) -> None:
        self._pool, self._shape, self._seed, self._n_pairs = pool, shape, seed, n_pairs
        self._distort = distort
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
        images = drawn[:, None].float().div_(LARGEST)
        return distorted(images, self._rng) if self._distort else images


def distorted(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Return (n, C, H, W) images under random affine maps about their middle.

    After Koch et al., 2015, section 3.2: a turn of up to 10 degrees, shears of up to 0.3 radians,
    scales of 0.8 to 1.2 and shifts of 2 of 105 pixels, each part with probability 0.5. What comes
    in at the edges is 0.
    """
    n = len(images)

    def drawn(low: float, high: float, otherwise: float = 0.0) -> NDArray[np.float64]:
        return np.where(rng.random(n) < 0.5, rng.uniform(low, high, n), otherwise)

    turn, shear_x, shear_y = drawn(-TURN, TURN), drawn(-SHEAR, SHEAR), drawn(-SHEAR, SHEAR)
    scale_x, scale_y = drawn(*SCALES, 1.0), drawn(*SCALES, 1.0)
    across = np.stack([scale_x, scale_y * np.tan(shear_x)])
    down = np.stack([scale_x * np.tan(shear_y), scale_y])
    turned = [
        np.cos(turn) * across - np.sin(turn) * down,
        np.sin(turn) * across + np.cos(turn) * down,
    ]
    rows = [[*row, drawn(-SHIFT, SHIFT)] for row in turned]
    maps = torch.from_numpy(np.array(rows, np.float32)).permute(2, 0, 1)  # (n, 2, 3)
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
