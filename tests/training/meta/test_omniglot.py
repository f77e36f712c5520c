"""Drawing of episodes and pairs."""

import numpy as np
import pytest

from drivemeta.errors import InputError
from drivemeta.training.meta.omniglot import (
    ImagePool,
    Shape,
    draw_episode,
    draw_pairs,
    load_omniglot,
)
from tests.helpers.omniglot import write_omniglot


def pool(n_classes=12, n_each=5, n_groups=3):
    images = np.zeros((n_classes, n_each, 4, 4), np.uint8)
    return ImagePool(images, np.arange(n_classes) % n_groups)


def omniglot(path, n=6):
    rng = np.random.default_rng(0)
    np.savez(
        path,
        bits=(rng.random((n, 20, 28, 28)) < 0.2).astype(np.uint8) * 255,
        alphabet=np.array([f"a{i % 2}" for i in range(n)]),
        split=np.array(["background", "evaluation"] * (n // 2)),
        vinyals=np.array(["train", "val", "test"] * (n // 3)),
    )
    return path


def test_support_and_query_never_share_an_image():
    rng = np.random.default_rng(0)
    for _ in range(20):
        classes, support, query = draw_episode(pool(), Shape(4, 2, 3), rng)
        assert len(set(classes.tolist())) == 4
        assert support.shape == (4, 2)
        assert query.shape == (4, 3)
        for own, asked in zip(support.tolist(), query.tolist(), strict=True):
            assert len({*own, *asked}) == 5


@pytest.mark.parametrize("n_groups", [1, 2])
def test_classes_of_so_many_groups(n_groups):
    rng, all_classes = np.random.default_rng(0), pool()
    for _ in range(10):
        classes, _, _ = draw_episode(all_classes, Shape(4, 1, 1, n_groups), rng)
        assert len(set(classes.tolist())) == 4
        _, sizes = np.unique(all_classes.groups[classes], return_counts=True)
        assert sizes.tolist() == [4 // n_groups] * n_groups


def test_images_of_the_same_numbers():
    shape = Shape(4, 2, 3, same_images=True)
    _, support, query = draw_episode(pool(), shape, np.random.default_rng(0))
    chosen = np.concatenate([support, query], axis=1)
    assert (chosen == chosen[0]).all()
    assert sorted(chosen[0].tolist()) == [0, 1, 2, 3, 4]


def test_what_cannot_be_drawn_is_told():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="expected 13 classes for an episode, found 12"):
        draw_episode(pool(), Shape(13, 1, 1), rng)
    with pytest.raises(InputError, match="expected 6 images a class for an episode, found 5"):
        draw_episode(pool(), Shape(4, 3, 3), rng)
    with pytest.raises(InputError, match=r"1 groups of 5 classes .* 0; the largest group has 4"):
        draw_episode(pool(), Shape(5, 1, 1, n_groups=1), rng)
    with pytest.raises(InputError, match="expected 4 groups of 3 classes for an episode, found 3"):
        draw_episode(pool(), Shape(12, 1, 1, n_groups=4), rng)
    with pytest.raises(InputError, match="5 classes cannot be of 2 groups in equal parts"):
        draw_episode(pool(), Shape(5, 1, 1, n_groups=2), rng)


def test_pairs_are_what_they_say():
    left, right, same = draw_pairs(pool(), 40, np.random.default_rng(0))
    assert same.sum() == 20
    assert np.array_equal(left[:, 0] == right[:, 0], same)
    assert (left[same, 1] != right[same, 1]).all()


def test_rotations_are_further_classes_of_the_same_alphabet(tmp_path):
    path = omniglot(tmp_path / "o.npz")
    plain = load_omniglot(path, "train", rotations=False)
    turned = load_omniglot(path, "train")
    assert plain.images.shape == (2, 20, 28, 28)
    assert turned.images.shape == (8, 20, 28, 28)
    np.testing.assert_array_equal(turned.images[2, 0], np.rot90(plain.images[0, 0]))
    n_groups = plain.groups.max() + 1
    expected = [plain.groups + turn * n_groups for turn in range(4)]
    assert np.array_equal(turned.groups, np.concatenate(expected))


def test_mirrored_images_are_further_classes(tmp_path):
    path = omniglot(tmp_path / "o.npz")
    turned, both = load_omniglot(path, "train"), load_omniglot(path, "train", mirrors=True)
    assert both.images.shape == (16, 20, 28, 28)
    np.testing.assert_array_equal(both.images[:8], turned.images)
    np.testing.assert_array_equal(both.images[8:], turned.images[..., ::-1])
    assert set(both.groups[8:]).isdisjoint(both.groups[:8])
    assert len(set(both.groups)) == 2 * len(set(turned.groups))


def test_trainval_holds_what_train_and_val_hold(tmp_path):
    path = omniglot(tmp_path / "o.npz")
    both = load_omniglot(path, "trainval", rotations=False).images
    parts = [load_omniglot(path, split, rotations=False).images for split in ("train", "val")]
    for part in parts:
        assert len(part)
        assert all((both == image).all((1, 2, 3)).any() for image in part)
    assert len(both) == sum(map(len, parts))


def test_the_mixed_split_is_of_all_alphabets_and_of_no_character_twice(tmp_path):
    path = write_omniglot(tmp_path / "o.npz", n=60)
    parts = {
        part: load_omniglot(path, f"mixed_{part}", rotations=False).images
        for part in ("train", "val", "trainval", "test")
    }
    assert [len(images) for images in parts.values()] == [38, 6, 44, 16]
    every = np.concatenate([parts["train"], parts["val"], parts["test"]])
    assert len(np.unique(every.reshape(60, -1), axis=0)) == 60
    both = np.unique(parts["trainval"].reshape(44, -1), axis=0)
    assert np.array_equal(both, np.unique(every[:44].reshape(44, -1), axis=0))
    again = load_omniglot(path, "mixed_test", rotations=False)
    assert np.array_equal(again.images, parts["test"])


def test_what_is_no_omniglot_is_told(tmp_path):
    with pytest.raises(InputError, match="no split 'trian'; known: train, val"):
        load_omniglot(omniglot(tmp_path / "o.npz"), "trian")
    with pytest.raises(InputError, match=r"cannot read Omniglot from .*absent.npz"):
        load_omniglot(tmp_path / "absent.npz", "train")
