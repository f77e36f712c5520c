"""Times of frames from whatever stamps a container holds."""

from itertools import pairwise

import numpy as np
import pytest

from drivemeta.plugins.source.clock import SteadyClock, timed


def times_of(stamps, step_s=0.1, **options):
    clock = SteadyClock(step_s)
    return [time_s for _, time_s in timed(enumerate(stamps), clock, **options)], clock


@pytest.mark.parametrize("seed", range(20))
def test_stamps_that_grow_are_kept_however_close_or_far_apart(seed):
    """As of screens and phones: hardly a frame for seconds, then many at once."""
    rng = np.random.default_rng(seed)
    gaps_s = 10 ** rng.uniform(-3.5, 1.5, 40)
    stamps = [float(s) for s in 3 + np.cumsum(gaps_s)]
    times, clock = times_of(stamps, float(np.mean(gaps_s)))
    assert times == pytest.approx([s - stamps[0] for s in stamps])
    assert clock.n_strays == 0


@pytest.mark.parametrize("after_s", [0.4, 50.0])
def test_a_stamp_that_is_repeated_moves_none_after_it(after_s):
    stamps = [0.0, 0.1, 0.2, 0.2, 0.2, after_s, after_s + 0.1, after_s + 0.2]
    times, clock = times_of(stamps)
    assert times[5:] == pytest.approx(stamps[5:])
    assert all(a < b for a, b in pairwise(times))
    assert clock.n_strays == 2


def test_frames_before_the_first_stamp_come_at_the_usual_step():
    times, _ = times_of([None, None, None, 5.0, 5.1, 5.2])
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_a_leap_over_the_end_of_the_stamps_is_a_jump_back():
    joined = [100.0, 100.1, 100.2, 1001.0, 1001.1, 1001.2]
    times, clock = times_of(joined, wrap_s=1000.0)
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert clock.leap_s < 1e-9
    wrapped = [999.8, 999.9, 1000.0, 1000.1]
    assert times_of(wrapped, wrap_s=1000.0)[0] == pytest.approx([0, 0.1, 0.2, 0.3])
