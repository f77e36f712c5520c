"""The Gittins index of a Bernoulli arm with a uniform prior, by calibration.

Gittins: Bandit Processes and Dynamic Allocation Indices, 1979. The index of an arm is the sure pay
for which stopping and going on are worth the same; the values of going on follow by dynamic
programming, over pulls until a horizon at which the arm pays its mean for ever.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

N_SURE = 1001  # sure pays that are tried: the index is interpolated between them


@lru_cache
def index_table(discount: float, n_pulls: int, n_more: int = 300) -> NDArray[np.float64]:
    """Return the indices of all arms with up to `n_pulls` pulls.

    Args:
        discount: Discount of the reward of the next pull, in (0, 1).
        n_pulls: Most pulls of an arm.
        n_more: Pulls that the programme looks ahead further than that.

    Returns:
        (n_pulls + 1, n_pulls + 1) float64 by wins and losses; nan where they are more than that.
    """
    sure = np.linspace(0, 1, N_SURE)
    table = np.full((n_pulls + 1, n_pulls + 1), np.nan)
    total = n_pulls + n_more
    means = (np.arange(total + 1) + 1) / (total + 2)
    values = np.maximum(means[:, None], sure) / (1 - discount)  # by wins, (total + 1, N_SURE)
    for pulled in range(total - 1, -1, -1):
        chance = ((np.arange(pulled + 1) + 1) / (pulled + 2))[:, None]
        win, lose = 1 + discount * values[1:], discount * values[:-1]
        going_on = chance * win + (1 - chance) * lose  # (pulled + 1, N_SURE)
        stopped = sure / (1 - discount)
        if pulled <= n_pulls:
            gain = going_on - stopped  # falls with the sure pay, through 0 at the index
            for wins in range(pulled + 1):
                table[wins, pulled - wins] = _zero(sure, gain[wins])
        values = np.maximum(going_on, stopped)
    return table


def _zero(sure: NDArray[np.float64], gain: NDArray[np.float64]) -> float:
    """Return where a falling gain passes through 0."""
    after = int(np.argmax(gain <= 1e-12))
    low, high = gain[after - 1], gain[after]
    return float(sure[after - 1] + (sure[after] - sure[after - 1]) * low / (low - high))
