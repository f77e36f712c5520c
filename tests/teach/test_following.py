"""One object through the frames in which it was seen."""

import numpy as np
import pytest

from drivemeta.teach.following import follow
from drivemeta.teach.seen import row_type


@pytest.fixture
def drive(lively_detector):
    """Return rows of frames 0, 5, ...: a sign that comes nearer, another of its kind, a car."""
    kind = row_type(lively_detector.bank)
    looks = np.eye(3, kind["crop"].shape[0])

    def rows_of(frame, n_frames=60):
        if frame >= n_frames:
            return None
        rows = np.zeros(3, kind)
        rows["frame"], rows["root"] = frame, [4, 4, 0]
        side = 20 * 1.01**frame
        left = 300 + 2 * frame
        rows["box"] = [
            (left, 100, left + side, 100 + side),
            (10, 300, 30, 320),
            (left - 5, 90, left + side + 5, 100 + side),
        ]
        rows["crop"] = looks[[0, 0, 2]]
        return rows

    return rows_of


def places(drive, frame, **change):
    rows = drive(frame)
    numbers = list(range(0, 80, 5))
    before = [n for n in reversed(numbers) if n < frame]
    after = [n for n in numbers if n > frame]
    change = {"rows_of": drive, **change}
    return follow(tuple(rows["box"][0].tolist()), rows, before, after, **change)


def test_an_object_is_followed_both_ways_as_far_as_was_looked(drive):
    found = places(drive, 30)
    assert [frame for frame, _ in found] == [0, 5, 10, 15, 20, 25, 35, 40, 45, 50, 55]
    for frame, box in found:
        np.testing.assert_allclose(box, drive(frame)["box"][0], atol=0.06)


def test_what_is_gone_for_two_frames_is_lost(drive):
    def hidden(frame):
        rows = drive(frame)
        return rows[1:] if rows is not None and frame in (35, 40) else rows

    assert [frame for frame, _ in places(drive, 30, rows_of=hidden) if frame > 30] == []


def test_what_is_hidden_once_is_found_again(drive):
    def hidden(frame):
        rows = drive(frame)
        return rows[1:] if frame == 35 else rows

    found = [frame for frame, _ in places(drive, 30, rows_of=hidden) if frame > 30]
    assert found == [40, 45, 50, 55]


def test_what_the_base_does_not_see_is_not_followed(drive):
    assert follow((500, 10, 520, 30), drive(30), [25], [35], drive) == []
    assert follow((500, 10, 520, 30), drive(30)[:0], [25], [35], drive) == []
