"""The heuristic scheduler spends its time where the picture changes."""

import pytest

from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins import default_registry
from drivemeta.plugins.scheduler.protocol import Outcome, SchedulerState

INFO = StreamInfo("clip", (), (96, 128), 10.0)
N = 60


def drive(latencies: dict[str, float], difference: float = 0.05, n_waiting: int = 0, **params):
    """Return the modes chosen over a stream whose looks take what `latencies` says."""
    scheduler = default_registry().create("scheduler", "heuristic", **params)
    scheduler.reset(INFO)
    modes = []
    for i in range(N):
        state = SchedulerState(i, i / 10, 0, n_waiting, n_tracks=3, difference=difference)
        plan = scheduler.act(state)
        latency = latencies.get(plan.mode, 0.0)
        scheduler.observe(i, Outcome(plan, latency, 3))
        modes.append(plan.mode)
    return modes


def test_looks_at_every_frame_when_fast_and_moving():
    assert drive({"full": 0.02}).count("full") >= N - 2


def test_mean_time_stays_within_the_budget():
    modes = drive({"full": 0.25}, context=RunContext(modes=("skip", "full")))
    assert 0 < sum(0.25 for mode in modes if mode == "full") / N <= 0.1 * 1.1


def test_looks_less_closely_when_the_machine_is_slow():
    modes = drive(
        {"small": 0.07, "full": 0.14}, context=RunContext(modes=("skip", "small", "full"))
    )
    assert modes.count("small") + modes.count("full") > N / 2
    assert sum({"small": 0.07, "full": 0.14}.get(mode, 0) for mode in modes) / N <= 0.11


def test_takes_the_closest_look_there_is_time_for():
    offered = ("skip", "small", "full", "sliced")
    modes = drive({"small": 0.005, "full": 0.01, "sliced": 0.05}, context=RunContext(modes=offered))
    assert modes.count("sliced") > N * 0.8


def test_a_still_picture_is_looked_at_after_the_gap():
    modes = drive({"full": 0.01}, difference=0.0, max_gap=4)
    assert N // 5 <= modes.count("full") <= N // 3


def test_adapts_when_the_machine_slows_down():
    scheduler = default_registry().create("scheduler", "heuristic")
    scheduler.reset(INFO)
    looks = []
    for i in range(2 * N):
        plan = scheduler.act(SchedulerState(i, i / 10, n_tracks=3, difference=0.05))
        scheduler.observe(i, Outcome(plan, 0.02 if i < N else 0.4, 3))
        looks.append(plan.mode != "skip")
    assert sum(looks[N:]) < 0.5 * sum(looks[:N])


def test_frames_that_wait_take_time_from_the_next_looks():
    offered = RunContext(modes=("skip", "small", "full"))
    latencies = {"small": 0.03, "full": 0.08}
    assert drive(latencies, n_waiting=1, context=offered) == drive(latencies, context=offered)
    spent = [
        sum(latencies.get(mode, 0.0) for mode in drive(latencies, n_waiting=n, context=offered))
        for n in (0, 6, 12)
    ]
    assert spent[0] > spent[1] > spent[2] > 0


@pytest.mark.parametrize("of_the_run", [True, False])
def test_looks_longer_than_the_deadline_are_left_out(of_the_run):
    context = RunContext(modes=("skip", "small", "full"), max_latency_ms=30 if of_the_run else 99)
    own = {} if of_the_run else {"max_latency_ms": 30}
    modes = drive({"small": 0.02, "full": 0.05}, context=context, **own)
    assert modes.count("full") <= 3
    assert modes.count("small") > N * 0.8


@pytest.mark.parametrize(
    "wrong", [{"budget_ms": 0}, {"motion": -1}, {"max_gap": 0}, {"max_latency_ms": 0}]
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        default_registry().create("scheduler", "heuristic", **wrong)
