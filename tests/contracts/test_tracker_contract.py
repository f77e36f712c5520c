"""What every tracker keeps to."""

import numpy as np

from drivemeta.core import UNTRACKED, Detections, Frame

KIND = "tracker"


def run(tracker, stream) -> list[np.ndarray]:
    return [tracker.update(found, frame).ids for frame, found in stream]


def test_detections_come_back_as_they_were(create, stream):
    tracker = create()
    for frame, found in stream:
        tracks = tracker.update(found, frame)
        assert len(tracks) == len(found)
        assert tracks.ids.dtype == np.int64
        np.testing.assert_array_equal(tracks.detections.boxes, found.boxes)
        np.testing.assert_array_equal(tracks.detections.scores, found.scores)
        assert tracks.detections.classes == found.classes


def test_classes_do_not_change_where_the_detector_is_steady(create, stream):
    tracker = create()
    for frame, found in stream:
        labels = tracker.update(found, frame).detections.labels
        np.testing.assert_array_equal(labels, found.labels)


def test_an_identity_occurs_once_in_a_frame(create, stream):
    for ids in run(create(), stream):
        confirmed = ids[ids != UNTRACKED]
        assert len(np.unique(confirmed)) == len(confirmed)
        assert (ids >= UNTRACKED).all()


def test_objects_keep_their_identities(name, create, stream):
    later = np.stack(run(create(), stream)[len(stream) // 2 :])
    if name == "none":
        assert (later == UNTRACKED).all()
        return
    assert (later != UNTRACKED).all()
    assert (later == later[0]).all()


def test_the_order_of_the_rows_does_not_matter(create, stream):
    straight = run(create(), stream)
    turned = run(create(), [(frame, found[np.array([1, 0])]) for frame, found in stream])
    moving = {ids[0] for ids in straight[6:]}, {ids[1] for ids in turned[6:]}
    assert len(moving[0]) == len(moving[1]) == 1


def test_reset_forgets_everything(create, stream):
    tracker = create()
    first = run(tracker, stream)
    tracker.reset()
    for one, two in zip(first, run(tracker, stream), strict=True):
        np.testing.assert_array_equal(one, two)


def test_two_trackers_do_not_share_identities(create, stream):
    one, two = create(), create()
    for frame, found in stream:
        np.testing.assert_array_equal(one.update(found, frame).ids, two.update(found, frame).ids)


def test_frames_without_objects_are_accepted(create, stream):
    tracker = create()
    none = Detections.empty(stream[0][1].classes)
    run(tracker, [(frame, none) for frame, _ in stream[:3]])
    shifted = [(Frame(f.image, f.index + 3, f.time_s + 0.3), d) for f, d in stream]
    assert len(run(tracker, shifted)[-1]) == 2
    last = Frame(stream[0][0].image, 99, 9.9)
    assert len(tracker.update(none, last)) == 0


def test_objects_survive_a_short_gap(create, stream):
    tracker = create()
    none = Detections.empty(stream[0][1].classes)
    gap = [(frame, none if i == 8 else found) for i, (frame, found) in enumerate(stream)]
    ids = run(tracker, gap)
    assert ids[-1][1] == ids[7][1]  # the one that stands
