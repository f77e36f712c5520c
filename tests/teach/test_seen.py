"""Rows of the base, and the index that keeps them."""

import numpy as np
import pytest

from drivemeta.export.probe_scene import draw_scene
from drivemeta.models.traced.fixed import FixedNetworks, Same
from drivemeta.teach.clip_index import ClipIndex
from drivemeta.teach.networks import RememberingNetworks
from drivemeta.teach.seen import row_type, see
from tests.helpers.archives import build_base


@pytest.fixture(scope="module")
def detector(lively_detector):
    return build_base(lively_detector)


@pytest.fixture(scope="module")
def networks(detector):
    return RememberingNetworks(detector)


def test_what_else_is_an_object_is_kept_for_new_kinds(detector, networks):
    rows = see(detector, networks, draw_scene((200, 300)), 0)
    assert rows.dtype == row_type(detector.bank)
    assert np.isfinite(rows["dense"]).all()
    lengths = np.linalg.norm(rows["crop"].astype(np.float32), axis=1)
    np.testing.assert_allclose(lengths, rows["looked"], atol=2e-3)
    assert rows["looked"][~rows["known"]].all()
    assert 0 < (~rows["known"]).sum() <= 8


def test_nothing_is_embedded_twice(lively_detector, monkeypatch):
    networks, n_embedded, plain = RememberingNetworks(lively_detector), [], FixedNetworks.embed

    def counting(self, crops, *, things=False):
        n_embedded.append(len(crops))
        return plain(self, crops, things=things)

    monkeypatch.setattr(FixedNetworks, "embed", counting)
    first = see(lively_detector, networks, draw_scene((200, 300)), 0)
    again = see(lively_detector, networks, draw_scene((200, 300)), 0)
    assert n_embedded[-1] == 0
    np.testing.assert_array_equal(first, again)


def test_a_frame_that_was_looked_at_is_not_looked_at_to_learn(lively_detector, monkeypatch):
    page = RememberingNetworks(lively_detector)
    learning = RememberingNetworks(lively_detector, page)
    image = draw_scene((200, 300))
    seen = see(lively_detector, page, image, 0)

    class Unwanted:
        def run(self, *_):
            raise AssertionError("level 1 runs again")

    monkeypatch.setitem(learning.__dict__, "_level1", Unwanted())
    np.testing.assert_array_equal(see(lively_detector, learning, image, 0), seen)
    with pytest.raises(AssertionError, match="runs again"):
        see(lively_detector, learning, image[::-1].copy(), 0)


def test_what_was_done_for_a_key_is_not_done_again(lively_detector):
    networks, image, done = RememberingNetworks(lively_detector), np.zeros(3), []

    def ask(*key):
        return networks.once(key, lambda: done.append(key) or len(done))

    assert [ask("a", Same(image)), ask("a", Same(image.copy())), ask("a", Same(image))] == [1, 2, 1]
    for number in range(networks.most_looks - 1):
        ask(number)
    assert ask("a", Same(image)) == 1  # the last one asked for stays
    assert len(networks._looks) == networks.most_looks
    plain = FixedNetworks(lively_detector)
    assert [plain.once("a", lambda: done.pop()) for _ in range(2)]


def test_work_that_is_out_of_date_ends(lively_detector):
    networks = RememberingNetworks(lively_detector)

    def stop():
        raise KeyboardInterrupt

    networks.check = stop
    with pytest.raises(KeyboardInterrupt):
        see(lively_detector, networks, draw_scene((200, 300)), 0)


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
