"""The learnt scheduler: what it refuses, and that its memory is its own."""

import pytest

from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins import default_registry
from drivemeta.plugins.scheduler.protocol import Outcome, SchedulerState

INFO = StreamInfo("clip", (), (96, 128), 10.0)
MODES = ("skip", "small", "full", "sliced")


def drive(latency_s: float, modes=MODES, n: int = 60, waiting: int = 0) -> list[str]:
    """Return the modes chosen where a full look takes what is given."""
    scheduler = default_registry().create("scheduler", "rl2", context=RunContext(modes=modes))
    scheduler.reset(INFO)
    costs = {"skip": 0.0, "small": 0.5, "full": 1.0, "sliced": 5.0}
    chosen = []
    for i in range(n):
        state = SchedulerState(
            i, i / 10, queue_length=waiting, n_tracks=4, mean_score=0.6, difference=0.05
        )
        plan = scheduler.act(state)
        scheduler.observe(i, Outcome(plan, latency_s * costs[plan.mode], 4))
        chosen.append(plan.mode)
    return chosen


def test_only_what_is_offered_is_chosen():
    assert set(drive(0.02, ("skip", "full"))) <= {"skip", "full"}


def test_a_slow_machine_looks_at_less():
    costs = {"skip": 0, "small": 0.5, "full": 1, "sliced": 5}
    fast, slow = (sum(costs[mode] for mode in drive(latency)) for latency in (0.01, 0.3))
    assert slow < fast


def test_a_file_without_a_policy_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a policy at"):
        default_registry().create("scheduler", "rl2", model=tmp_path / "absent.onnx")


def test_a_time_out_of_range_is_refused():
    with pytest.raises(InputError, match="max_latency_ms"):
        default_registry().create("scheduler", "rl2", max_latency_ms=0)


def test_a_machine_too_slow_for_every_look_is_tried_again():
    chosen = drive(3.0)
    gaps = "".join("." if mode == "skip" else "x" for mode in chosen).split("x")
    assert chosen[0] != "skip"
    assert max(map(len, gaps)) <= 5


def test_a_gap_out_of_range_is_refused():
    with pytest.raises(InputError, match="max_gap"):
        default_registry().create("scheduler", "rl2", max_gap=0)


def test_frames_of_a_file_that_wait_do_not_count():
    assert drive(0.03, waiting=8) == drive(0.03)
