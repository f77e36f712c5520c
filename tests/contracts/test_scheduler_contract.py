"""What every scheduler keeps to."""

from drivemeta.plugins.scheduler.protocol import (
    InferencePlan,
    Outcome,
    SchedulerState,
)

KIND = "scheduler"
N = 30


def state(i: int, **values: float) -> SchedulerState:
    return SchedulerState(i, i / 10, **values)


def test_every_frame_gets_a_plan(create, info):
    scheduler = create()
    scheduler.reset(info)
    for i in range(N):
        plan = scheduler.act(state(i, latency_s=0.02, queue_length=i % 4, n_tracks=2))
        assert isinstance(plan, InferencePlan)
        scheduler.observe(i, Outcome(plan, 0.02, 2))


def test_the_first_frame_is_looked_at(create, info):
    scheduler = create()
    scheduler.reset(info)
    assert scheduler.act(state(0)).mode != "skip"


def test_outcomes_may_come_late(create, info):
    scheduler = create()
    scheduler.reset(info)
    plans = [scheduler.act(state(i)) for i in range(N)]
    for i in reversed(range(N)):
        scheduler.observe(i, Outcome(plans[i], 0.05, 1))
    assert isinstance(scheduler.act(state(N)), InferencePlan)


def test_outcomes_may_be_missing(create, info):
    scheduler = create()
    scheduler.reset(info)
    for i in range(N):
        assert isinstance(scheduler.act(state(i)), InferencePlan)


def test_reset_begins_anew(create, info):
    scheduler = create()
    runs = []
    for _ in range(2):
        scheduler.reset(info)
        modes = []
        for i in range(N):
            plan = scheduler.act(state(i, latency_s=0.03))
            scheduler.observe(i, Outcome(plan, 0.03, 1))
            modes.append(plan.mode)
        runs.append(modes)
    assert runs[0] == runs[1]
