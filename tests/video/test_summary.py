"""What is counted of a run."""

import random

from drivemeta.video.stage_clock import StageClock
from drivemeta.video.summary import Identities


def test_identities_are_counted_once_in_little_room():
    numbers, seen = Identities(), set()
    chance = random.Random(0)
    for number in [*range(3000), *(chance.randrange(10**9) for _ in range(2000)), 7, 2999, 10**15]:
        numbers.add(number)
        seen.add(number)
    assert len(numbers) == len(seen)
    million = Identities()
    for number in range(10**6):
        million.add(number)
    assert len(million) == 10**6
    assert len(million._parts) < 1000


def test_waiting_for_a_camera_holds_nothing_up():
    clock = StageClock()
    clock.add("decode", 60.0, 100)
    clock.add("infer", 20.0, 100)
    assert clock.bottleneck() == "decode"
    clock.live = True
    assert clock.bottleneck() == "infer"
    assert StageClock(live=True).bottleneck() is None
