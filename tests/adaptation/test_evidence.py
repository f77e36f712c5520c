"""The tables of what the base sees: all columns of a row go together."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from drivemeta.adaptation import observation
from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.frame_crops import N_VIEWS
from drivemeta.adaptation.observation import observe
from drivemeta.adaptation.thing_views import see_things
from drivemeta.teach.networks import RememberingNetworks
from tests.helpers.archives import build_base
from tests.helpers.support import seen_again


@pytest.fixture
def base_with_things(lively_detector):
    return build_base(lively_detector)


def rows_of(table):
    return {field.name: getattr(table, field.name) for field in fields(table)}


def test_a_mask_takes_every_column_of_the_same_rows(lively_detector, make_support):
    seen = observe(lively_detector, make_support(3, "rocks", "ice"))
    for table in (seen.boxes, seen.negatives):
        mask = np.arange(len(table)) % 2 == 1
        part = table[mask]
        assert len(part) == mask.sum() > 0
        for name, column in rows_of(part).items():
            np.testing.assert_array_equal(column, rows_of(table)[name][torch.from_numpy(mask)])


def test_without_a_frame_what_it_showed_is_gone(lively_detector, make_support):
    seen = observe(lively_detector, make_support(3, "rocks", "ice"))
    rest = seen.without_frame(2)
    assert len(rest.frames) == 5
    np.testing.assert_array_equal(rest.boxes.frames, [0, 1, 3, 4, 5])
    np.testing.assert_array_equal(rest.boxes.labels, [0, 1, 1, 0, 1])
    assert set(rest.negatives.frames.tolist()) == set(seen.negatives.frames.tolist()) - {2}
    for task in (rest.labelled, rest.embedded):
        assert set(task.shots.tolist()) == {0, 1, 3, 4, 5}
        assert len(task.negatives) == len(rest.negatives) < len(seen.negatives)


def test_further_views_of_an_object_are_views_of_its_shot(
    lively_detector, make_support, monkeypatch
):
    plain = make_support(3, "rocks", "ice")
    # The third image shows the rocks of the first again; the last one the ice of the second.
    support = seen_again(plain, 1, 2, 1, 4, 5, 2)
    proposed, propose = [], observation.propose

    def counting(base, image, **more):
        proposed.append(image)
        return propose(base, image, **more)

    monkeypatch.setattr(observation, "propose", counting)
    before, seen = observe(lively_detector, plain), observe(lively_detector, support)
    assert len(proposed) == 6 + 4  # nothing is held against what a frame shows beside
    np.testing.assert_array_equal(seen.boxes.frames, [0, 1, 3, 4])
    np.testing.assert_array_equal(seen.boxes.labels, [0, 1, 1, 0])
    assert not np.isin(seen.negatives.frames, [2, 5]).any()
    task = seen.embedded
    assert task.shots.tolist() == np.repeat([0, 1, 2, 3, 0, 1], N_VIEWS).tolist()
    assert task.labels.tolist() == np.repeat([0, 1, 1, 0, 0, 1], N_VIEWS).tolist()
    frames = [0, 1, 3, 4, 2, 5]
    views = before.embedded.images.reshape(6, N_VIEWS, -1)[frames]
    torch.testing.assert_close(task.images.reshape(6, N_VIEWS, -1), views)
    rest = seen.without_frame(0)  # with a shot, all views of it are held out
    assert set(rest.embedded.shots.tolist()) == {1, 2, 3}


def test_what_is_remembered_of_frames_is_what_is_seen_anew(base_with_things, make_support):
    support, networks = make_support(2, "rocks", "ice"), RememberingNetworks(base_with_things)
    moved = [replace(support.images[0], boxes=support.images[0].boxes + np.float32(3))]
    other = type(support)(replace(support.dataset, images=(*moved, *support.images[1:])))
    parents = ("vehicle", "traffic_sign")
    for each in (support, other, support):
        anew, known = (
            see_things(base_with_things, observe(base_with_things, each, networks=run), parents)
            for run in (None, networks)
        )
        for name in ("images", "negatives", "labels", "shots"):
            torch.testing.assert_close(getattr(known.embedded, name), getattr(anew.embedded, name))
        np.testing.assert_allclose(known.boxes.embeddings, anew.boxes.embeddings, atol=1e-5)
        torch.testing.assert_close(known.thing_negatives, anew.thing_negatives)


def test_further_views_teach_and_are_no_shots(lively_detector, make_support):
    plain = make_support(3, "rocks", "ice")
    support = seen_again(plain, 1, 2, 1, 2, 1, 2)
    first = plain.dataset.select([0, 1])
    one = adapt(lively_detector, type(plain)(first), parent="traffic_sign")
    followed = adapt(lively_detector, support, parent="traffic_sign")
    assert [row.shots for row in followed.classes] == [1, 1]
    assert all(row.low_confidence for row in followed.classes)
    assert not followed.record.held.spared.any()
    n = len(lively_detector.bank.crop)
    weights = [each.detector.bank.crop.weights[n] for each in (one, followed)]
    assert 0.5 < float(weights[0] @ weights[1]) < 0.9999
