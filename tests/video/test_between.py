"""Frames that are skipped: boxes move with their tracks."""

import numpy as np
import pytest

from drivemeta.core import UNTRACKED, Detections, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.plugins import default_registry
from drivemeta.video import between
from drivemeta.video.between import InBetween
from drivemeta.video.opening import open_source
from drivemeta.video.pipeline import Pipeline
from tests.helpers.videos import CLASSES, find_boxes

IMAGE = np.zeros((100, 200, 3), np.uint8)


def tracks(**places):
    """Return squares of 20 pixels by their identities (`u` for none), left edges given."""
    boxes = np.array([(x, 40, x + 20, 60) for x in places.values()], np.float32).reshape(-1, 4)
    ids = [UNTRACKED if name == "u" else int(name[1:]) for name in places]
    n = len(ids)
    found = Detections(boxes, np.full(n, 0.9, np.float32), np.zeros(n, np.int64), CLASSES)
    return Tracks(found, np.array(ids, np.int64))


def run(looks, *, live=False):
    filling = InBetween(live=live)
    for index, look in enumerate(looks):
        yield from filling.add(Frame(IMAGE, index, index / 10), look)
    yield from filling.rest()


def places(looks, **options):
    """Return index and left edges by identity of each frame, in order."""
    return [
        (frame.index, dict(zip(t.ids.tolist(), t.detections.boxes[:, 0].tolist(), strict=True)))
        for frame, t in run(looks, **options)
    ]


def test_boxes_lie_between_the_inferences_before_and_after():
    found = places([tracks(t3=10), None, None, tracks(t3=40), None, tracks(t3=20)])
    assert found == [(i, {3: pytest.approx(x)}) for i, x in enumerate([10, 20, 30, 40, 30, 20])]


def test_the_time_of_a_frame_counts_not_its_number():
    filling = InBetween(live=False)
    given = list(filling.add(Frame(IMAGE, 0, 0.0), tracks(t1=0)))
    given += filling.add(Frame(IMAGE, 1, 0.3), None)
    given += filling.add(Frame(IMAGE, 2, 0.4), tracks(t1=40))
    assert given[1][1].detections.boxes[0, 0] == pytest.approx(30)


def test_what_is_lost_goes_on_as_it_moved_and_what_is_new_comes_when_it_is_seen():
    looks = [tracks(t1=10), tracks(t1=14), None, None, tracks(t2=70)]
    found = places(looks)
    assert found[2:4] == [(2, {1: pytest.approx(18)}), (3, {1: pytest.approx(18)})]
    assert found[4] == (4, {2: 70})


def test_a_live_source_waits_for_nothing_and_boxes_go_on_as_they_moved():
    filling = InBetween(live=True)
    looks = [tracks(t1=10), None, tracks(t1=20), None, None, None]
    for index, look in enumerate(looks):
        (given,) = filling.add(Frame(IMAGE, index, index / 10), look)
        assert given[0].index == index
    assert given[1].detections.boxes[0, 0] == pytest.approx(30)  # no farther than it once went
    assert list(filling.rest()) == []


def test_frames_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(between, "HELD_BYTES", 4 * IMAGE.nbytes)
    filling, n_held = InBetween(live=False), 0
    looks = [tracks(t1=10), tracks(t1=20), *[None] * 10, tracks(t1=20)]
    given = []
    for index, look in enumerate(looks):
        given += filling.add(Frame(IMAGE, index, index / 10), look)
        n_held = max(n_held, index + 1 - len(given))
    assert n_held == 3
    assert [frame.index for frame, _ in given] == list(range(13))


def test_rows_without_an_identity_stay_and_boxes_out_of_sight_go():
    looks = [tracks(t1=170, u=50), tracks(t1=185, u=50), None, tracks(u=52)]
    assert places(looks)[2] == (2, {UNTRACKED: 50})
    assert places([tracks(u=10), None])[1] == (1, {UNTRACKED: 10})


@pytest.mark.parametrize("tracker", ["botsort", "bytetrack", "ocsort"])
def test_boxes_of_a_video_move_with_what_they_show(write_video, tracker):
    path, registry = write_video(range(0, 40 * 40, 40)), default_registry()
    pipeline = Pipeline(
        find_boxes,
        registry.create("tracker", tracker),
        registry.create("scheduler", "fixed", context=RunContext(every=4)),
    )
    n_seen = 0
    for frame, found in pipeline.run(open_source(path)):
        if not 8 <= frame.index <= 36:  # confirmed, and before the last inference
            continue
        truth = find_boxes([frame.image])[0].boxes
        for box in found.detections.boxes[found.ids != UNTRACKED]:
            assert np.abs(truth - box).max(1).min() <= 1.5, frame.index
            n_seen += 1
    assert n_seen == 2 * 29
