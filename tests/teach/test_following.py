"""One object through the frames in which it was seen."""

import numpy as np
import pytest

from drivemeta.teach.clip_index import ClipIndex
from drivemeta.teach.following import follow, further_views, joined, track
from drivemeta.teach.seen import row_type
from drivemeta.teach.state import Add, Box


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


@pytest.fixture
def index(drive, tmp_path):
    """Return the index of the drive, every fifth frame of which was looked at."""
    index = ClipIndex(tmp_path, np.arange(0, 60, 5), "it")
    index.add(0, np.concatenate([drive(frame) for frame in range(0, 60, 5)]))
    return index


def box_of(drive, frame, number, row=0, **change):
    place = tuple(drive(frame)["box"][row].tolist())
    return Box(
        **{"id": number, "clip": "a", "frame": frame, "xyxy": place, "name": "stop"}
        | {"object": number}
        | change
    )


def added(drive, frame, row=0, name="stop"):
    place = tuple(drive(frame)["box"][row].tolist())
    return Add(do="add", clip="a", frame=frame, xyxy=place, name=name, origin="hit")


@pytest.mark.parametrize("frame", [10, 35, 12])  # of the last, nothing was looked at
def test_a_hit_on_the_track_of_a_box_is_a_view_of_its_object(drive, index, frame):
    boxes = [box_of(drive, 0, 8, row=1), box_of(drive, frame, 7)]
    assert joined(added(drive, 25), boxes, index).object == 7


def test_a_hit_of_something_else_is_an_object_of_its_own(drive, index):
    boxes = [box_of(drive, 20, 1)]
    assert joined(added(drive, 25, row=1), boxes, index).object is None  # beside it
    assert joined(added(drive, 25, name="yield"), boxes, index).object is None
    assert joined(added(drive, 20), boxes, index).object is None  # in its own frame
    assert joined(added(drive, 25), [box_of(drive, 20, 1, clip="b")], index).object is None
    assert joined(added(drive, 27), boxes, index).object is None  # nothing was looked at there
    far = [box_of(drive, 0, 1), box_of(drive, 25, 2, object=1)]
    assert joined(added(drive, 25), far, index).object is None


def test_a_hit_between_two_objects_makes_them_one(drive, index):
    boxes = [box_of(drive, 5, 1), box_of(drive, 45, 2), box_of(drive, 40, 3, object=2)]
    hit = joined(added(drive, 25), boxes, index)
    assert (hit.object, hit.also) == (2, (1,))
    twice = [box_of(drive, 5, 1), box_of(drive, 45, 2), box_of(drive, 5, 3, row=1, object=2)]
    assert (joined(added(drive, 25), twice, index).also) == ()  # both are in frame 5


def test_what_is_followed_is_annotated_where_it_is_not_yet(drive, index):
    box = box_of(drive, 25, 4, object=2)
    views = further_views(box, [box, box_of(drive, 20, 2)], index, drive(25))
    assert [view.frame for view in views] == [0, 5, 10, 15, 30, 35, 40, 45, 50, 55]
    assert {(view.object, view.origin, view.name) for view in views} == {(2, "followed", "stop")}


def test_a_track_does_not_go_over_to_the_next_of_its_kind(lively_detector):
    """One sign is passed, and the next comes near where it was; as in the clip of the demo."""
    kind = row_type(lively_detector.bank)
    passed, far = (839.0, 182.0, 883.0, 225.0), (594.0, 221.0, 612.0, 236.0)
    seen = {
        0: [passed, far],
        5: [(636, 214, 659, 233)],
        10: [(708, 198, 741, 225)],
        15: [(872, 162, 929, 208)],
    }

    def rows_of(frame):
        rows = np.zeros(len(seen[frame]), kind)
        rows["frame"], rows["root"], rows["box"] = frame, 4, seen[frame]
        rows["crop"] = np.eye(1, kind["crop"].shape[0])
        return rows

    def frames_of(place):
        return [frame for frame, _ in track(0, place, rows_of(0), [5, 10, 15], rows_of)]

    assert len(follow(passed, rows_of(0), [], [5, 10, 15], rows_of)) == 2  # one way alone, it does
    assert frames_of(passed) == []
    assert frames_of(far) == [5, 10, 15]
