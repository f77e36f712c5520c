"""The few-shot protocol: nested draws, one query set a seed, paired bootstrap intervals.

A shot is a box. For each seed, draws are nested (1 in 3 in 5 in 10) and all of them are scored on
the images that the largest draw did not use, so that shot counts differ by nothing else. The
novel classes are adapted together and scored together with the base classes, as Wang et al.,
"Frustratingly Simple Few-Shot Object Detection", 2020, arXiv 2003.06957, generalised setting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.data.dataset import Dataset
from drivemeta.data.support import draw_boxes
from drivemeta.evaluation.matching import Matches

QUERY_SHOTS = 10


@dataclass(frozen=True, eq=False)
class Draw:
    """The draws of one seed.

    Attributes:
        seed: Seed of the draws.
        supports: Drawn boxes by the number of shots; all other novel boxes in their images are
            marked as to be ignored, images without a drawn box are left out.
        query: (n,) int64, indices of the images that no draw used.
    """

    seed: int
    supports: Mapping[int, Dataset]
    query: NDArray[np.int64]


def draw_seed(novel: Dataset, shots: Sequence[int], seed: int) -> Draw:
    """Draw the supports of one seed.

    Args:
        novel: Images with boxes of the novel classes only.
        shots: Numbers of boxes a class.
        seed: Seed of the draws.

    Raises:
        AnnotationError: a class has too few boxes.
    """
    supports = {n: draw_boxes(novel, n, seed) for n in shots}
    largest = draw_boxes(novel, max(QUERY_SHOTS, *shots), seed)
    used = {image.path for image in largest.images}
    query = [i for i, image in enumerate(novel.images) if image.path not in used]
    return Draw(seed, supports, np.array(query, np.int64))


@dataclass(frozen=True, eq=False)
class Trial:
    """One adaptation scored.

    Attributes:
        seed: Seed of its draw.
        query: (n,) int64, indices of the images it was scored on.
        matches: Matches of each class, over those images.
        seconds: Seconds that adapting took.
    """

    seed: int
    query: NDArray[np.int64]
    matches: Mapping[str, Matches]
    seconds: float

    def ap50(self, names: Sequence[str], weights: NDArray[np.float64] | None = None) -> float:
        """Return the mean AP50 of some classes; those with nothing to find are left out.

        Args:
            names: Names of the classes.
            weights: Number of times that each image of the whole data set counts, once if None.
        """
        own = None if weights is None else weights[self.query]
        return _mean([self.matches[name].average_precision(own) for name in names])


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval."""

    mean: float
    low: float
    high: float


def estimate(
    trials: Sequence[Trial], names: Sequence[str], n_rounds: int = 500, seed: int = 0
) -> Estimate:
    """Return the mean AP50 of some classes over seeds, with a bootstrap interval.

    Each round draws seeds and images with replacement. The same rounds are drawn for every shot
    count and method of the same seeds and images, so that their differences are paired.

    Args:
        trials: Trials, one a seed, in the order of the seeds.
        names: Names of the classes.
        n_rounds: Rounds of the bootstrap.
        seed: Seed of the bootstrap.
    """
    return difference(trials, None, names, n_rounds, seed)


def difference(
    trials: Sequence[Trial],
    others: Sequence[Trial] | None,
    names: Sequence[str],
    n_rounds: int = 500,
    seed: int = 0,
) -> Estimate:
    """Return how much higher the AP50 of some trials is than that of others, as `estimate`."""

    def measure(chosen: Sequence[int], weights: NDArray[np.float64] | None) -> float:
        once = {i: _gain(trials, others, i, names, weights) for i in set(chosen)}
        return _mean([once[i] for i in chosen])

    rng = np.random.default_rng(seed)
    n_images = 1 + max(int(trial.query.max(initial=0)) for trial in trials)
    rounds = []
    for _ in range(n_rounds):
        chosen = rng.integers(len(trials), size=len(trials)).tolist()
        counts = np.bincount(rng.integers(n_images, size=n_images), minlength=n_images)
        rounds.append(measure(chosen, counts.astype(np.float64)))
    low, high = np.nanquantile(rounds, [0.025, 0.975])
    return Estimate(measure(range(len(trials)), None), float(low), float(high))


def _mean(values: Sequence[float]) -> float:
    """Return the mean of what is known, NaN if nothing is."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _gain(
    trials: Sequence[Trial],
    others: Sequence[Trial] | None,
    i: int,
    names: Sequence[str],
    weights: NDArray[np.float64] | None,
) -> float:
    against = others[i].ap50(names, weights) if others is not None else 0.0
    return trials[i].ap50(names, weights) - against
