"""Tiles cover the frame; what lies on a seam is found once; boxes are in the frame's pixels."""

import numpy as np
import pytest

from drivemeta.core import Detections
from drivemeta.errors import InputError
from drivemeta.runtime.slicing import MERGING, Sliced, in_region, merge, merging_of, tile_regions

CLASSES = ("dark", "bright")


def find(frames):
    """Detect white and grey rectangles by connected components."""
    import cv2

    results = []
    for frame in frames:
        boxes, labels = [], []
        for label, value in enumerate((100, 255)):
            mask = (frame[..., 0] == value).astype(np.uint8)
            _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
            for x, y, w, h, _ in stats[1:]:
                boxes.append((x, y, x + w, y + h))
                labels.append(label)
        n = len(boxes)
        results.append(
            Detections(
                np.array(boxes, np.float32).reshape(n, 4),
                np.full(n, 0.5, np.float32),
                np.array(labels, np.int64),
                CLASSES,
            )
        )
    return results


@pytest.mark.parametrize("size", [(97, 161), (360, 640), (5, 7)])
@pytest.mark.parametrize("tiles", [(1, 1), (2, 2), (3, 4)])
def test_tiles_of_one_size_cover_the_frame_and_overlap(size, tiles):
    regions = tile_regions(size, tiles)
    assert len(regions) == tiles[0] * tiles[1]
    covered = np.zeros(size, int)
    for x1, y1, x2, y2 in regions:
        assert 0 <= x1 < x2 <= size[1]
        assert 0 <= y1 < y2 <= size[0]
        covered[y1:y2, x1:x2] += 1
    assert covered.min() >= 1
    assert len({(x2 - x1, y2 - y1) for x1, y1, x2, y2 in regions}) == 1


@pytest.mark.parametrize("tiles", [(1, 1), (2, 2), (3, 3)])
def test_each_object_is_found_once_wherever_it_lies(tiles):
    frame = np.zeros((120, 200, 3), np.uint8)
    expected = [(3, 4, 13, 14), (95, 50, 115, 70), (10, 55, 190, 62), (185, 100, 200, 120)]
    for x1, y1, x2, y2 in expected:
        frame[y1:y2, x1:x2] = 255
    frame[30:40, 30:40] = 100
    (found,) = Sliced(find, tiles)([frame])
    white = found[found.labels == 1].boxes
    # The long bar crosses the square: they are one component.
    assert sorted(map(tuple, white.tolist())) == [
        (3, 4, 13, 14),
        (10, 50, 190, 70),
        (185, 100, 200, 120),
    ]
    assert found[found.labels == 0].boxes.tolist() == [[30, 30, 40, 40]]


def test_small_objects_are_found_in_tiles_only_where_the_whole_frame_misses_them():
    def near_sighted(frames):
        found = find(frames)
        return [d if f.shape[0] < 100 else d[:0] for d, f in zip(found, frames, strict=True)]

    frame = np.zeros((120, 200, 3), np.uint8)
    frame[20:24, 150:155] = 255
    (found,) = Sliced(near_sighted, (2, 2))([frame])
    assert found.boxes.tolist() == [[150, 20, 155, 24]]


def test_all_looks_go_in_one_call():
    calls = []

    def counted(frames):
        calls.append(len(frames))
        return find(frames)

    Sliced(counted, (2, 3))([np.zeros((60, 90, 3), np.uint8)] * 2)
    assert calls == [14]


def test_merging_keeps_classes_apart_and_the_best_of_one():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9]], np.float32)
    one = Detections(boxes, np.array([0.4, 0.5], np.float32), np.array([0, 1]), CLASSES)
    two = Detections(boxes[:1], np.array([0.9], np.float32), np.array([0]), CLASSES)
    merged = merge([one, two])
    assert merged.scores.tolist() == pytest.approx([0.9, 0.5])
    assert merged.labels.tolist() == [0, 1]


def test_fusion_takes_the_mean_by_score_within_a_class():
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [0, 0, 10, 10]], np.float32)
    scores = np.array([0.6, 0.2, 0.5], np.float32)
    one = Detections(boxes, scores, np.array([0, 0, 1]), CLASSES)
    far = np.array([[80, 80, 90, 90]], np.float32)
    two = Detections(far, np.array([0.9], np.float32), np.array([0]), CLASSES)
    merged = merge([one, two], "wbf")
    assert merged.scores.tolist() == pytest.approx([0.9, 0.6, 0.5])
    assert merged.labels.tolist() == [0, 0, 1]
    np.testing.assert_allclose(merged.boxes[1], [0.5, 0, 10.5, 10])
    assert len(merge([one[:0], two[:0]], "wbf")) == 0


def test_an_unknown_merging_is_refused():
    with pytest.raises(InputError, match="wbf"):
        Sliced(find, (2, 2), merging="wfb")


@pytest.mark.parametrize("merging", ["nms", "wbf"])
def test_an_object_on_a_seam_is_one_however_merged(merging):
    frame = np.zeros((120, 160, 3), np.uint8)
    frame[50:70, 60:100] = 255
    (found,) = Sliced(find, (2, 2), 0.4, merging)([frame])
    np.testing.assert_allclose(found.boxes, [[60, 50, 100, 70]])


@pytest.mark.parametrize("roi", [(50, 30, 200, 120), (0.25, 0.25, 1.0, 1.0)])
def test_a_region_keeps_boxes_in_the_frame(roi):
    frame = np.zeros((120, 200, 3), np.uint8)
    frame[5:9, 5:9] = frame[60:70, 100:120] = 255
    (found,) = in_region(find, roi)([frame])
    assert found.boxes.tolist() == [[100, 60, 120, 70]]


@pytest.mark.parametrize("roi", [(5, 0, 5, 10), (-1, 0, 5, 5), (0.5, 0, 0.1, 1)])
def test_an_empty_region_is_refused(roi):
    with pytest.raises(InputError, match="--roi"):
        in_region(find, roi)


def test_a_region_outside_the_frame_is_refused():
    with pytest.raises(InputError, match="outside"):
        in_region(find, (300, 0, 400, 50))([np.zeros((120, 200, 3), np.uint8)])


@pytest.mark.parametrize(("tiles", "overlap"), [((0, 1), 0.2), ((2, 2), 1.0)])
def test_what_cannot_be_is_refused(tiles, overlap):
    with pytest.raises(InputError):
        Sliced(find, tiles, overlap)


def test_a_way_of_merging_goes_by_its_name():
    assert [merging_of(name) for name in MERGING] == ["nms", "wbf"]
    with pytest.raises(InputError, match="did you mean 'wbf'"):
        merging_of("wfb")
