"""Episodes and pairs as tensors, drawn from a pool of images in memory."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from drivemeta.plugins.learner.episodes import Episode, Pairs
from drivemeta.training.meta.omniglot import (
    ImagePool,
    Indices,
    Shape,
    draw_episode,
    draw_pairs,
)

LARGEST = 255.0
TURN, SHEAR, SCALES, SHIFT = np.deg2rad(10), 0.3, (0.8, 1.2), 4 / 105


class PoolTasks:
    """A task source: what it draws depends on the seed and the iteration alone.

    Args:
        pool: Images by class.
        shape: Shape of an episode.
        seed: Seed of all drawing.
        n_pairs: Number of pairs of one draw.
        distort: Whether each image is turned, sheared, scaled and shifted a little, at random.
        distort_classes: Whether the same is done, alike for all images of a class in a task, or of
            a pair: the classes of every task are new ones ("task augmentation" of Ni et al., 2021,
            arXiv 2010.07092).
    """

    def __init__(
        self,
        pool: ImagePool,
        shape: Shape,
        seed: int,
        n_pairs: int = 128,
        *,
        distort: bool = False,
        distort_classes: bool = False,
    ) -> None:
        self._pool, self._shape, self._seed, self._n_pairs = pool, shape, seed, n_pairs
        self._distort, self._distort_classes = distort, distort_classes
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
        maps = self._maps_of_classes(len(classes))

        def labelled(chosen: Indices) -> tuple[Tensor, Tensor]:
            labels = np.arange(len(classes)).repeat(chosen.shape[1])
            of_images = None if maps is None else maps[labels]
            images = self._images(classes[labels], chosen.ravel(), of_images)
            return images, torch.from_numpy(labels)

        return Episode(*labelled(support), *labelled(query), self.n_way)

    def task(self) -> Episode:
        """Draw a task whose support holds the images of the query too."""
        return self.episode().without_query()

    def pairs(self) -> Pairs:
        """Draw pairs of images, half of them of one class."""
        left, right, same = draw_pairs(self._pool, self._n_pairs, self._rng)
        maps = self._maps_of_classes(self._n_pairs)
        images = [self._images(side[:, 0], side[:, 1], maps) for side in (left, right)]
        return Pairs(images[0], images[1], torch.from_numpy(same.astype(np.float32)))

    def _maps_of_classes(self, n: int) -> Tensor | None:
        return random_maps(n, self._rng) if self._distort_classes else None

    def _images(self, classes: Indices, chosen: Indices, maps: Tensor | None) -> Tensor:
        """Return (n, 1, height, width) float images in [0, 1], ink 1."""
        drawn = torch.from_numpy(self._pool.images[classes, chosen])
        images = drawn[:, None].float().div_(LARGEST)
        if self._distort:
            own = random_maps(len(images), self._rng)
            maps = own if maps is None else maps @ own
        return images if maps is None else moved(images, maps)


def random_maps(n: int, rng: np.random.Generator) -> Tensor:
    """Return (n, 3, 3) random affine maps of places from -1 to 1 about the middle.

    After Koch et al., 2015, section 3.2: a turn of up to 10 degrees, shears of up to 0.3 radians,
    scales of 0.8 to 1.2 and shifts of 2 of 105 pixels, each part with probability 0.5.
    """

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
    rows.append([np.zeros(n), np.zeros(n), np.ones(n)])
    return torch.from_numpy(np.array(rows, np.float32)).permute(2, 0, 1)


def moved(images: Tensor, maps: Tensor) -> Tensor:
    """Return (n, C, H, W) images under (n, 3, 3) affine maps; what comes in at the edges is 0."""
    grid = F.affine_grid(maps[:, :2], list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
