"""Tasks of signs: new by meaning, and never one group on both sides."""

import csv

import cv2
import numpy as np
import pytest
import torch

from drivemeta.config import load_config
from drivemeta.data.meanings import load_meanings
from drivemeta.errors import InputError
from drivemeta.paths import builtin_folder
from drivemeta.training.base.embedding import EmbeddingTraining
from drivemeta.training.meta.omniglot import Shape
from drivemeta.training.meta.sign_split import COUNTRIES, meanings_in
from drivemeta.training.meta.sign_tasks import SignPool, SignTasks, load_sign_pool


def pool(n_classes=6, n_groups=4, n_each=3, n_views=2):
    """Each crop's features are its own number, its class and its group."""
    labels = np.arange(n_classes).repeat(n_groups * n_each)
    groups = np.arange(n_classes * n_groups).repeat(n_each)
    features = torch.stack([torch.arange(len(labels)), *map(torch.from_numpy, (labels, groups))], 1)
    names = tuple(f"sign {i}" for i in range(n_classes))
    return SignPool(features[:, None].repeat(1, n_views, 1).half(), labels, groups, names)


@pytest.mark.parametrize("n_shot", [1, 3, 7])
def test_support_and_query_share_no_group(n_shot):
    tasks = SignTasks(pool(), Shape(5, n_shot, 4), seed=0)
    for index in range(20):
        tasks.seek(index)
        e = tasks.episode()
        assert not set(e.support[:, 2].tolist()) & set(e.query[:, 2].tolist())
        assert torch.bincount(e.support_labels).tolist() == [n_shot] * 5
        assert len(set(e.support[:, 0].tolist())) == 5 * n_shot
        for images, labels in ((e.support, e.support_labels), (e.query, e.query_labels)):
            for label in range(5):
                assert len(set(images[labels == label, 1].tolist())) == 1


def test_episodes_may_have_fewer_shots():
    tasks = SignTasks(pool(), Shape(3, 5, 2), seed=0, few=1)
    found = set()
    for index in range(40):
        tasks.seek(index)
        found.add(len(tasks.episode().support) // 3)
    assert found == {1, 2, 3, 4, 5}


def test_what_is_drawn_depends_on_seed_and_iteration_alone():
    one, two = (SignTasks(pool(), Shape(3, 2, 2), seed=1) for _ in range(2))
    one.episode()
    for tasks in (one, two):
        tasks.seek(5)
    assert torch.equal(one.episode().support, two.episode().support)
    assert len(one.task().query) == 0


def test_pairs_of_one_class_are_of_two_groups():
    pairs = SignTasks(pool(), Shape(3, 1, 1), seed=0, n_pairs=40).pairs()
    same = pairs.same.bool()
    assert int(same.sum()) == 20
    assert torch.equal(pairs.left[:, 1] == pairs.right[:, 1], same)
    assert not (pairs.left[:, 2] == pairs.right[:, 2]).any()


def test_a_class_of_one_group_is_never_asked():
    with pytest.raises(InputError, match=r"2 classes with 1 crops .*found 0 of 6"):
        SignTasks(pool(n_groups=1), Shape(2, 1, 1), seed=0)


def test_parts_are_disjoint_by_meaning_and_tests_are_of_a_country_never_met():
    parts = [meanings_in(part) for part in ("train", "val", "test")]
    assert sum(map(len, parts)) == len(frozenset.union(*parts))
    table = load_meanings()
    assert all("vietnam" in table[name] for name in parts[2])
    assert not any("vietnam" in table[name] for name in parts[0] | parts[1])


def test_the_embedding_that_learners_are_compared_on_never_saw_what_they_are_tested_on():
    config = load_config(
        builtin_folder("configs") / "train_level2_without_test_signs.yaml", EmbeddingTraining
    )
    known = {name for name, members in load_meanings().items() if members.keys() & {*COUNTRIES}}
    assert set(config.exclude_meanings) == (meanings_in("val") | meanings_in("test")) & known
    assert set(config.countries) == set(COUNTRIES)
    assert not config.scenes


def test_crops_are_read_by_meaning(tmp_path):
    folder = tmp_path / "germany"
    folder.mkdir()
    rows = [
        ("germany/a.png", "01", "g1"),
        ("germany/b.png", "01", "g2"),
        ("germany/c.png", "14", "g3"),
    ]
    for path, _, _ in rows:
        cv2.imwrite(str(tmp_path / path), np.full((40, 30, 3), 90, np.uint8))
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "class", "group"), *rows])
    found = load_sign_pool(tmp_path, ["germany"], lambda x: x.mean((2, 3)), n_views=3)
    assert found.features.shape == (3, 3, 3)
    assert found.names == ("speed_limit_30", "stop")
    assert found.labels.tolist() == [0, 0, 1]
    assert len(set(found.groups.tolist())) == 3
    alone = found.part({"stop"})
    assert (alone.names, alone.labels.tolist(), len(alone.features)) == (("stop",), [0], 1)
    with pytest.raises(InputError, match="expected a list of crops"):
        load_sign_pool(tmp_path, ["belgium"], lambda x: x)
