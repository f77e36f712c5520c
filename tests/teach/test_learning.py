"""Learning in the background, whose work may be out of date at any moment."""

import time

import pytest

from drivemeta.errors import InputError
from drivemeta.teach.learners import PageLearner
from drivemeta.teach.learning import Learning
from drivemeta.teach.networks import RememberingNetworks

PATIENCE_S = 60


@pytest.mark.parametrize("error", [InputError("no such box"), ValueError("a fault")])
def test_a_failure_that_is_out_of_date_ends_nothing(lively_detector, error):
    lessons = []

    def lesson():
        lessons.append(len(lessons))
        if len(lessons) == 1:
            learning.again()  # meanwhile
            raise error
        return None, []

    networks = RememberingNetworks(lively_detector)
    learning = Learning(lively_detector, networks, lesson, lambda: None, PageLearner())
    learning.again()
    began = time.monotonic()
    while learning.learnt.phase != "empty" or len(lessons) < 2:
        assert time.monotonic() - began < PATIENCE_S
        time.sleep(0.01)
    learning.close()
    assert not learning.learnt.problem
