"""Meta-training from the command line: learns, resumes, tells its mistakes."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from drivemeta.cli.main import main
from drivemeta.config import load_config
from drivemeta.errors import ModelFileError
from drivemeta.paths import builtin_folder
from drivemeta.training.meta import omniglot_training
from drivemeta.training.meta.image_tasks import PoolTasks, moved, random_maps
from drivemeta.training.meta.omniglot import ImagePool, Shape, load_omniglot
from drivemeta.training.meta.omniglot_training import (
    MetaTraining,
    evaluate_weights,
    metatrain,
)
from tests.helpers.omniglot import write_omniglot

LEARNERS = ("maml", "protonet", "siamese")  # Reptile's steps are annealed over the whole run


@pytest.fixture(scope="module")
def omniglot(tmp_path_factory):
    """Twelve characters, each a picture of its own with noise."""
    return write_omniglot(tmp_path_factory.mktemp("omniglot") / "omniglot28.npz")


def config(omniglot, out, **changes):
    values = {
        "out": out,
        "omniglot": omniglot,
        "train": {"n_way": 3, "n_query": 2},
        "test": {"n_way": 3, "n_query": 2},
        "network": "strided",
        "n_filters": 8,
        "n_pairs": 12,
        "iterations": 6,
        "validate_every": 3,
        "n_validation": 3,
        "n_test": 5,
        "amp": "off",  # the same on every processor
    }
    return MetaTraining.model_validate(values | changes)


def run(name, settings, *, resume=False):
    params = {} if name in {"protonet", "siamese"} else {"meta_batch": 2}
    settings = settings.model_copy(update={"params": params})
    lines = []
    return metatrain(name, settings, resume=resume, report=lines.append), lines


@pytest.mark.parametrize("name", LEARNERS)
def test_a_resumed_run_ends_as_one_without_a_break(name, omniglot, tmp_path):
    run(name, config(omniglot, tmp_path / "whole", halve_every=2))
    part = config(omniglot, tmp_path / "parts", halve_every=2, iterations=3)
    run(name, part)
    run(name, part.model_copy(update={"iterations": 6}), resume=True)
    name_of_last = "metatrain.checkpoint.safetensors"
    one, two = (load_file(tmp_path / folder / name_of_last) for folder in ("whole", "parts"))
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert torch.equal(value, two[key]), key


def test_the_result_is_that_of_the_stored_weights(omniglot, tmp_path):
    settings = config(omniglot, tmp_path)
    result, lines = run("protonet", settings)
    again = evaluate_weights("protonet", settings, tmp_path / "weights.safetensors")
    assert again == result.accuracy
    stored = json.loads((tmp_path / "result.json").read_text())
    assert stored["accuracy"]["mean"] == result.accuracy.mean
    assert stored["transductive"] is False
    assert len(lines) == 2
    assert lines[0].startswith("iteration 3,")


@pytest.mark.parametrize("seed", [0, 5])
def test_what_is_tested_is_neither_trained_on_nor_drawn_as_training_is(
    omniglot, tmp_path, monkeypatch, seed
):
    sources = []

    class Watched(PoolTasks):
        """Keeps its classes, what it draws from and how often an episode was drawn."""

        def __init__(self, pool, shape, seed, *rest, **options):
            super().__init__(pool, shape, seed, *rest, **options)
            self.images, self.seed, self.n_drawn = pool.images, seed, 0
            sources.append(self)

        def episode(self):
            self.n_drawn += 1
            return super().episode()

    monkeypatch.setattr(omniglot_training, "PoolTasks", Watched)
    run("protonet", config(omniglot, tmp_path, seed=seed))
    used = {source.n_drawn: source for source in sources if source.n_drawn}
    assert sorted(used) == [5, 6]  # five to test on; six of two validations, six of training
    by_split = {split: load_omniglot(omniglot, split).images for split in ("train", "val", "test")}

    def split_of(source):
        return next(s for s, images in by_split.items() if np.array_equal(images, source.images))

    drawn = {split_of(source): source for source in sources if source.n_drawn}
    assert drawn.keys() == by_split.keys()
    assert drawn["test"].n_drawn == 5
    assert len({source.seed for source in drawn.values()}) == 3


def test_a_budget_in_minutes_ends_the_run(omniglot, tmp_path):
    result, _ = run("protonet", config(omniglot, tmp_path, minutes=1e-6, iterations=100))
    assert result.iterations == 1


def test_a_checkpoint_of_another_model_is_refused(omniglot, tmp_path):
    run("protonet", config(omniglot, tmp_path))
    with pytest.raises(ModelFileError, match="cannot resume from checkpoint"):
        run("protonet", config(omniglot, tmp_path, n_filters=6), resume=True)
    with pytest.raises(ModelFileError, match="cannot load meta-trained weights"):
        evaluate_weights("siamese", config(omniglot, tmp_path), tmp_path / "weights.safetensors")


def test_nothing_to_resume_is_told(omniglot, tmp_path):
    with pytest.raises(ModelFileError, match="cannot resume from checkpoint"):
        run("protonet", config(omniglot, tmp_path / "empty"), resume=True)


def test_draws_depend_on_seed_and_iteration_alone(omniglot):
    pool = load_omniglot(omniglot, "train")
    one, two = (PoolTasks(pool, Shape(3, 2, 2), seed=4) for _ in range(2))
    one.episode()
    for tasks in (one, two):
        tasks.seek(7)
    assert torch.equal(one.episode().support, two.episode().support)
    assert one.task().support.shape == (12, 1, 28, 28)
    assert len(one.task().query) == 0
    assert one.pairs().left.shape == (128, 1, 28, 28)


def test_distortion_moves_little_and_depends_on_the_seed(omniglot):
    pool = load_omniglot(omniglot, "train")
    plain, one, two = (
        PoolTasks(pool, Shape(3, 2, 2), seed=4, distort=d).episode().support
        for d in (False, True, True)
    )
    assert torch.equal(one, two)
    assert one.shape == plain.shape
    assert (one - plain).abs().amax((1, 2, 3)).gt(0).any()
    assert 0 <= one.min() <= one.max() <= 1
    dot = torch.zeros(200, 1, 29, 29)
    dot[:, :, 13:16, 13:16] = 1  # its middle moves by the shift alone, at most 4 / 105 of 14 pixels
    dots = moved(dot, random_maps(200, np.random.default_rng(0)))
    places = torch.arange(29.0)
    middles = (dots.sum(2) @ places / dots.sum((2, 3))).ravel()
    assert (middles - 14).abs().max() < 1
    assert middles.std() > 0
    areas = dots.sum((1, 2, 3)) / 9
    assert areas.min() > 0.55
    assert areas.max() < 2


def test_images_of_a_class_are_distorted_alike():
    bars = np.zeros((4, 6, 28, 28), np.uint8)
    bars[..., 8:20, 12:16] = 255
    pool = ImagePool(bars, np.zeros(4, np.int64))
    tasks = PoolTasks(pool, Shape(4, 2, 3), seed=0, n_pairs=8, distort_classes=True)
    episode, pairs = tasks.episode(), tasks.pairs()
    for label in range(4):
        own = torch.cat([
            episode.support[episode.support_labels == label],
            episode.query[episode.query_labels == label],
        ])  # fmt: skip
        assert len(own) == 5
        assert torch.equal(own, own[:1].expand_as(own))
    assert len(torch.unique(episode.support, dim=0)) > 1
    assert torch.equal(pairs.left, pairs.right)
    both = PoolTasks(pool, Shape(4, 2, 3), seed=0, distort=True, distort_classes=True).episode()
    assert len(torch.unique(both.support, dim=0)) > 4


@pytest.mark.parametrize("name", ["metatrain_omniglot.yaml", "metatrain_omniglot_gradient.yaml"])
def test_shipped_configurations_are_valid(name):
    assert load_config(builtin_folder("configs") / name, MetaTraining).n_test == 600


def test_the_command(omniglot, tmp_path, capsys):
    path = tmp_path / "c.yaml"
    path.write_text(
        f"kind: omniglot\nout: {tmp_path / 'out'}\nomniglot: {omniglot}\ntrain: {{n_way: 3}}\n"
        "test: {n_way: 3}\nn_filters: 4\niterations: 1\nn_validation: 2\nn_test: 2\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["metatrain", "matching", str(path)])
    assert ended.value.code == 0
    assert "of 2 test episodes (inductive)" in capsys.readouterr().err


def test_a_misspelt_key_is_told(tmp_path, capsys):
    path = tmp_path / "c.yaml"
    path.write_text("kind: omniglot\nout: x\nomniglot: y\niteratoins: 3\n")
    with pytest.raises(SystemExit) as ended:
        main(["metatrain", "protonet", str(path)])
    assert ended.value.code == 2
    assert "iterations" in capsys.readouterr().err


def test_a_run_starts_from_weights_that_another_wrote(omniglot, tmp_path):
    first, _ = run("protonet", config(omniglot, tmp_path / "first"))
    further = {"start_from": first.weights, "start_iteration": 6, "iterations": 9}
    _, lines = run("protonet", config(omniglot, tmp_path / "second", **further))
    assert [line.split(",")[0] for line in lines] == ["iteration 6", "iteration 9"]
    curve = json.loads((tmp_path / "first" / "curve.json").read_text())
    again = json.loads((tmp_path / "second" / "curve.json").read_text())
    assert again[0][1] == max(accuracy for _, accuracy in curve)  # the best weights of the first


def test_the_last_weights_are_kept_where_validation_has_no_say(omniglot, tmp_path):
    run("protonet", config(omniglot, tmp_path / "first", iterations=20))
    begun = {"start_from": tmp_path / "first" / "weights.safetensors", "learning_rate": 10.0}
    best, _ = run("protonet", config(omniglot, tmp_path / "best", **begun))
    last, _ = run("protonet", config(omniglot, tmp_path / "last", keep_last=True, **begun))
    assert (best.iterations, last.iterations) == (0, 6)
    trained = load_file(tmp_path / "last" / "metatrain.checkpoint.safetensors")
    for key, value in load_file(last.weights).items():
        assert torch.equal(value, trained[f"model.{key}"]), key


def test_the_first_step_from_trained_weights_is_short(omniglot, tmp_path):
    first, _ = run("protonet", config(omniglot, tmp_path / "first"))
    further = {"start_from": first.weights, "start_iteration": 6, "iterations": 7}
    run("protonet", config(omniglot, tmp_path / "second", **further))
    last = load_file(tmp_path / "second" / "metatrain.checkpoint.safetensors")
    key = "blocks.1.convolution.weight"
    moved = (last[f"model.{key}"] - load_file(first.weights)[key]).abs().max()
    assert 0 < moved < 0.02 * config(omniglot, tmp_path).learning_rate
