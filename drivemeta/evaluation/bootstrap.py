"""Intervals by the bootstrap over images: Efron, "Bootstrap Methods", 1979."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Figure = Callable[[NDArray[np.float64]], float]


def over_images(
    figure: Figure, n_images: int, n_rounds: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of a figure; NaN where it is known in no round.

    Args:
        figure: Function from (n_images,) float64, how many times each image counts, to the figure;
            NaN where it is not known.
        n_images: Number of images.
        n_rounds: Rounds, each of as many images, drawn with replacement.
        seed: Seed of the draws; figures of one seed are paired.
    """
    rng, n = np.random.default_rng(seed), n_images
    rounds = [
        figure(np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64))
        for _ in range(n_rounds)
    ]
    known = [value for value in rounds if not np.isnan(value)]
    low, high = np.quantile(known, [0.025, 0.975]) if known else (np.nan, np.nan)
    return float(low), float(high)
