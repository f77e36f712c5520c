"""The fixed scheduler: every Nth frame, and of a live source none that would come too late."""

from dataclasses import replace

import pytest

from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError
from drivemeta.plugins import default_registry
from drivemeta.plugins.scheduler.protocol import SchedulerState

FILE = StreamInfo("clip", (), (96, 128), 10.0)
LIVE = replace(FILE, live=True)


def modes(info: StreamInfo, *waiting: int, latency_s: float = 0.04, **context) -> list[str]:
    """Return what is chosen for frames behind each of which so many wait."""
    scheduler = default_registry().create("scheduler", "fixed", context=RunContext(**context))
    scheduler.reset(info)
    states = (SchedulerState(i, i / 10, latency_s, n) for i, n in enumerate(waiting))
    return [scheduler.act(state).mode for state in states]


def test_every_third_frame_is_looked_at():
    assert modes(FILE, *[0] * 7, every=3) == ["full", "skip", "skip"] * 2 + ["full"]


def test_tiles_are_looked_at_where_asked():
    assert modes(FILE, 0, mode="sliced") == ["sliced"]


def test_a_live_frame_that_would_come_too_late_is_skipped():
    assert modes(LIVE, 0, 1, 2, 3, max_latency_ms=100) == ["full", "full", "skip", "skip"]


def test_the_newest_live_frame_is_looked_at_however_slow_the_machine_is():
    assert modes(LIVE, 0, latency_s=5.0, max_latency_ms=100) == ["full"]


def test_a_file_loses_no_look_to_the_clock():
    assert modes(FILE, 0, 5, 50, max_latency_ms=100) == ["full"] * 3


@pytest.mark.parametrize("wrong", [{"every": 0}, {"mode": "tiled"}, {"max_latency_ms": 0}])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(InputError):
        modes(FILE, 0, **wrong)
