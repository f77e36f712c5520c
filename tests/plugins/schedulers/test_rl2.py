"""The learnt scheduler: what it refuses, and that its memory is its own."""

import pytest

from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins import default_registry
from drivemeta.plugins.scheduler.protocol import Outcome, SchedulerState

INFO = StreamInfo("clip", (), (96, 128), 10.0)
COSTS = {"skip": 0.0, "small": 0.5, "full": 1.0, "sliced": 5.0}  # in full inferences
MODES = tuple(COSTS)


def drive(latency_s: float, modes=MODES, n: int = 60, waiting: int = 0) -> list[str]:
    """Return the modes chosen where a full look takes what is given."""
    scheduler = default_registry().create("scheduler", "rl2", context=RunContext(modes=modes))
    scheduler.reset(INFO)
    chosen = []
    for i in range(n):
        state = SchedulerState(
            i, i / 10, queue_length=waiting, n_tracks=4, mean_score=0.6, difference=0.05
        )
        plan = scheduler.act(state)
        scheduler.observe(i, Outcome(plan, latency_s * COSTS[plan.mode], 4))
        chosen.append(plan.mode)
    return chosen


def test_only_what_is_offered_is_chosen():
    assert set(drive(0.02, ("skip", "full"))) <= {"skip", "full"}


@pytest.mark.parametrize(
    ("latency_s", "settled"), [(0.01, {"sliced"}), (0.03, {"full"}), (0.3, {"skip", "small"})]
)
def test_it_settles_on_the_dearest_mode_that_fits_between_two_frames(latency_s, settled):
    assert set(drive(latency_s)[10:]) == settled


@pytest.mark.parametrize("latency_s", [0.01, 0.03, 0.1, 0.3])
def test_what_it_chooses_takes_no_longer_than_the_clip(latency_s):
    spent_s = sum(latency_s * COSTS[mode] for mode in drive(latency_s))
    assert spent_s <= 60 / INFO.fps


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
