"""Intervals of figures by drawing images again."""

import math

import numpy as np

from drivemeta.evaluation.bootstrap import over_images


def test_the_interval_of_a_mean_is_about_two_standard_errors_each_way():
    values = np.random.default_rng(1).normal(5, 2, 400)
    low, high = over_images(lambda weights: float(np.average(values, weights=weights)), 400)
    standard_error = values.std() / 20
    assert math.isclose(low, values.mean() - 1.96 * standard_error, rel_tol=0.01)
    assert math.isclose(high, values.mean() + 1.96 * standard_error, rel_tol=0.01)


def test_each_round_has_as_many_images_and_one_seed_draws_the_same():
    drawn = [[], []]
    for weights in drawn:
        over_images(lambda w, weights=weights: weights.append(w) or 0.0, 7, n_rounds=20, seed=3)
    assert {weights.sum() for weights in drawn[0]} == {7}
    assert np.array_equal(drawn[0], drawn[1])
    assert len({weights.tobytes() for weights in drawn[0]}) > 1


def test_rounds_without_a_figure_are_left_out_and_no_figure_gives_no_interval():
    first = lambda weights: float(weights[0]) if weights[0] else math.nan  # noqa: E731
    assert over_images(first, 3)[0] == 1.0
    assert all(math.isnan(value) for value in over_images(lambda _: math.nan, 3))
