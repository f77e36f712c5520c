"""The votes of the SIFT peer are those of the nearest keypoints, class by class."""

import numpy as np
import pytest

from tools.fewshot.peers.sift import SiftFinder


def unit(rng, n):
    found = rng.random((n, 128)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("sizes", [(9, 0, 12, 40), (0, 7, 5, 0), (0, 0, 0)])
def test_votes_go_to_the_nearest_class(sizes):
    rng = np.random.default_rng(0)
    by_class = [unit(rng, n) for n in sizes]
    finder = SiftFinder.__new__(SiftFinder)
    finder._keypoints = np.concatenate(by_class)
    finder._starts = np.cumsum([0, *sizes])
    finder._ratio, finder._doubt = 0.97, 2.0
    asked = unit(rng, 30)
    if len(finder._keypoints):
        asked[:5] = finder._keypoints[:5]  # of which the class is certain
    nearest = np.array(
        [[min((np.linalg.norm(a - k) for k in c), default=np.inf) for c in by_class] for a in asked]
    )
    first, second = np.sort(nearest, 1)[:, :2].T
    votes = np.bincount(nearest.argmin(1)[first < 0.97 * second], minlength=len(sizes))
    np.testing.assert_allclose(finder._votes(asked), votes[:-1] / (votes.sum() + 2), atol=1e-6)
    assert not len(finder._keypoints) or votes.sum() >= 5
