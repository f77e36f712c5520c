"""Rows of the base, named by any class bank, are what the model of that bank finds."""

import numpy as np
import pytest

from drivemeta.core.score_rule import decide
from drivemeta.export.probe_scene import draw_scene
from drivemeta.models.crops import to_tensor
from drivemeta.models.traced.proposals import propose
from drivemeta.teach.clip_index import ClipIndex
from drivemeta.teach.networks import RememberingNetworks
from drivemeta.teach.seen import row_type, score, see
from tests.helpers.detectors import make_things


@pytest.fixture(scope="module", params=["signs alone", "with things"])
def detector(request, lively_detector):
    if request.param == "signs alone":
        return lively_detector
    from dataclasses import replace

    scoring = replace(lively_detector.scoring, thing_scale=10.0)
    return lively_detector.with_(things=make_things(), scoring=scoring)


@pytest.fixture(scope="module")
def networks(detector):
    return RememberingNetworks(detector)


def test_scores_are_those_of_the_score_rule(detector, networks):
    image = draw_scene()
    rows = see(detector, networks, image, 7)
    assert set(rows["frame"].tolist()) == {7}
    scores, labels = score(rows, detector.bank, detector.scoring)
    frame = to_tensor(image)

    def embed(boxes, *, things):
        crops = detector.crops(frame, frame.new_tensor(boxes), things=things)
        return networks.embed(crops, things=things)

    located = propose(detector, image, 0.0, networks)
    least = np.full(len(detector.bank.classes), 0.05, np.float32)
    boxes, wanted, wanted_labels = decide(located, embed, detector.bank, detector.scoring, least)
    found = 0
    for box, value, label in zip(boxes, wanted, wanted_labels, strict=True):
        same = np.abs(rows["box"] - box).max(1) < 0.01
        same &= labels == label
        found += bool((np.abs(scores[same] - value) < 2e-3).any())
    assert found >= 0.9 * min(len(boxes), 40)  # level 2's quota names fewer of a crowd
    assert found >= 10


def test_what_else_is_an_object_is_kept_for_new_kinds(detector, networks):
    rows = see(detector, networks, draw_scene(), 0)
    assert rows.dtype == row_type(detector.bank)
    assert np.isfinite(rows["dense"]).all()
    assert (np.linalg.norm(rows["crop"].astype(np.float32), axis=1) > 0.9).all()


def test_nothing_is_embedded_twice(lively_detector, monkeypatch):
    from drivemeta.models.traced.fixed import FixedNetworks

    networks, n_embedded, plain = RememberingNetworks(lively_detector), [], FixedNetworks.embed

    def counting(self, crops, *, things=False):
        n_embedded.append(len(crops))
        return plain(self, crops, things=things)

    monkeypatch.setattr(FixedNetworks, "embed", counting)
    first = see(lively_detector, networks, draw_scene(), 0)
    again = see(lively_detector, networks, draw_scene(), 0)
    assert n_embedded[-1] == 0
    np.testing.assert_array_equal(first, again)


def test_work_that_is_out_of_date_ends(lively_detector):
    networks = RememberingNetworks(lively_detector)

    def stop():
        raise KeyboardInterrupt

    networks.check = stop
    with pytest.raises(KeyboardInterrupt):
        see(lively_detector, networks, draw_scene(), 0)


@pytest.fixture
def rows_of(lively_detector):
    def make(*frames):
        rows = np.zeros(len(frames), row_type(lively_detector.bank))
        rows["frame"] = frames
        return rows

    return make


def test_an_index_grows_and_is_kept(rows_of, tmp_path):
    numbers = np.arange(0, 200, 5)
    index = ClipIndex(tmp_path / "drive", numbers, "clip and base")
    assert (index.n_parts, index.n_done, index.done()) == (3, 0, [])
    assert index.next_part(170) == 2
    index.add(2, rows_of(160, 160, 165))
    assert index.next_part(170) == 1
    index.add_frame(12, rows_of(12))
    index.add(1, rows_of(80))
    assert index.done() == [(80, 195)]
    assert len(index.rows(160)) == 2
    assert len(index.rows(170)) == 0
    assert index.rows(5) is None
    assert [len(part) for part in index.parts()] == [1, 3, 1]
    again = ClipIndex(tmp_path / "drive", numbers, "clip and base")
    assert (again.n_done, len(again.rows(160))) == (24, 2)
    assert ClipIndex(tmp_path / "drive", numbers, "another base").n_done == 0


def test_a_damaged_part_is_made_again(rows_of, tmp_path):
    index = ClipIndex(tmp_path / "drive", np.arange(40), "it")
    for part in range(3):
        index.add(part, rows_of(part * 16))
    (tmp_path / "drive" / "00001.npy").write_bytes(b"\x93NUMPY damaged")
    (tmp_path / "drive" / "00002.npy").write_bytes(b"")
    again = ClipIndex(tmp_path / "drive", np.arange(40), "it")
    assert again.n_done == 16
    assert again.next_part(16) == 1
