"""Views of one object in successive frames are one hit."""

from itertools import permutations

import numpy as np
import pytest

from drivemeta.archive.choosing import Best, by_score, diverse
from drivemeta.archive.hits import Hit, merged


def hit(time_s, x, score=0.5, name="rocks", embedding=(1, 0), video="v"):
    box = (x, 10.0, x + 20.0, 30.0)
    frame = round(time_s * 10)
    vector = np.array(embedding, np.float16)
    return Hit(
        *(video, name, score, 0.3, frame, frame, time_s, box, (100, 500), "traffic_sign"),
        *(0.6, 0.7, 5.0, time_s, time_s, 1, vector),
    )


def test_an_object_that_stays_is_one_hit_with_its_best_view():
    views = [hit(0, 10, 0.4), hit(0.5, 12, 0.8), hit(1, 14, 0.6)]
    (one,) = merged(views, 0.5)
    assert (one.first_s, one.last_s, one.n_views) == (0, 1, 3)
    assert (one.score, one.frame, one.box[0]) == (0.8, 5, 12)


def test_an_object_that_moves_is_known_by_its_looks():
    assert len(list(merged([hit(0, 10), hit(0.5, 60)], 0.5))) == 1
    assert len(list(merged([hit(0, 10), hit(0.5, 60, embedding=(0, 1))], 0.5))) == 2
    assert len(list(merged([hit(0, 10), hit(0.5, 400)], 0.5))) == 2


def test_what_is_apart_in_time_or_class_is_another():
    assert len(list(merged([hit(0, 10), hit(1, 10)], 0.5))) == 1
    assert len(list(merged([hit(0, 10), hit(2, 10)], 0.5))) == 2
    assert len(list(merged([hit(0, 10), hit(0.5, 10, name="bus")], 0.5))) == 2


def test_two_in_a_frame_stay_two():
    views = [hit(0, 10), hit(0, 100), hit(0.5, 12), hit(0.5, 102)]
    found = sorted(merged(views, 0.5), key=lambda h: h.box)
    assert [h.n_views for h in found] == [2, 2]


def test_images_are_scenes_of_their_own():
    assert len(list(merged([hit(0, 10), hit(0.1, 10)], None))) == 2


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_best_are_kept_in_order_whatever_order_they_come_in(order):
    views = [hit(1, 10, 0.9), hit(2, 10), hit(2, 10, video="w"), hit(1, 10, 0.3)]
    best = Best(2, by_score)
    for i in order:
        best.add(views[i])
    assert best.ranked() == views[:2]


def test_hits_that_differ_are_far_apart():
    hits = [hit(0, 0, embedding=e) for e in ((1, 0), (0.99, 0.1), (0, 1), (-1, 0))]
    assert [tuple(h.embedding) for h in diverse(hits, 3)] == [(1, 0), (-1, 0), (0, 1)]
