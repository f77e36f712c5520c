"""Training of a row of the papers' tables in parts adds up, also when a part is cut off."""

import argparse
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from drivemeta.errors import InputError
from drivemeta.training.meta.omniglot_training import EpisodeShape
from tests.helpers.omniglot import write_omniglot
from tools.papers import kept as kept_files
from tools.papers import tables as tables_tool
from tools.papers.page import page
from tools.papers.rows import Row


@pytest.fixture
def tables(monkeypatch, tmp_path):
    """The tool, keeping its results elsewhere."""
    monkeypatch.setattr(kept_files, "KEPT", tmp_path / "kept")
    return tables_tool


def small_row(iterations, n_shot=1, learner="protonet", network="pooled", **options):
    few = {"n_filters": 4, "n_validation": 2, "n_test": 2, "validate_every": 2}
    few |= {"network": network, "amp": "off"}  # the same on every processor
    return Row(
        learner, "", 3, n_shot, 98.8, iterations,
        settings={**few, "train": EpisodeShape(n_way=3, n_shot=1, n_query=2)}, **options,
    )  # fmt: skip


def train(tables, tmp_path, row, how=None, other=None, with_validation=False):
    arguments = argparse.Namespace(
        omniglot=write_omniglot(tmp_path / "omniglot28.npz", n=24),
        runs=tmp_path / "runs",
        minutes=None,
        seed=0,
        resume=how == "resume",
        with_validation=with_validation,
    )
    setattr(arguments, "continue", how == "continue")
    setattr(arguments, "from", other)
    tables.train(row, arguments)
    return tables.kept_of(row.key)


def test_minutes_and_curve_of_a_row_trained_in_parts_add_up(tables, tmp_path, monkeypatch):
    first = train(tables, tmp_path, small_row(4))
    assert [iteration for iteration, _ in first["curve"]] == [2, 4]

    def cut_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tables, "keep", cut_off)
    with pytest.raises(KeyboardInterrupt):
        train(tables, tmp_path, small_row(8), "continue")
    monkeypatch.undo()
    monkeypatch.setattr(kept_files, "KEPT", tmp_path / "kept")
    resumed = train(tables, tmp_path, small_row(8), "resume")
    assert resumed["minutes"] > first["minutes"]
    begun = first["iterations"]
    kept = [point for point in first["curve"] if point[0] < begun]
    assert resumed["curve"][: len(kept)] == kept
    assert resumed["curve"][-1][0] == 8
    anew = train(tables, tmp_path, small_row(2))
    assert [iteration for iteration, _ in anew["curve"]] == [2]


def test_characters_of_validation_are_trained_on_once_iterations_are_chosen(tables, tmp_path):
    with pytest.raises(InputError, match="protonet_3w1s: iterations are chosen on validation"):
        train(tables, tmp_path, small_row(4), with_validation=True)
    chosen = train(tables, tmp_path, small_row(4))
    more = train(tables, tmp_path, small_row(8), "continue", with_validation=True)
    assert more["curve"] == chosen["curve"]
    assert more["with_validation"] == more["iterations"] - chosen["iterations"]
    # Validation can choose nothing of it any more, so a further run is of the same kind.
    further = train(tables, tmp_path, small_row(12), "continue")
    assert further["curve"] == chosen["curve"]
    assert further["with_validation"] == further["iterations"] - chosen["iterations"]


def test_a_row_begins_from_another(tables, tmp_path):
    one, five = small_row(4), small_row(6, n_shot=5)
    with pytest.raises(InputError, match="cannot begin from protonet_3w1s: nothing of it is kept"):
        train(tables, tmp_path, five, other="protonet_3w1s")
    first = train(tables, tmp_path, one)
    assert "begun_from" not in first
    begun = train(tables, tmp_path, five, other="protonet_3w1s")
    assert begun["begun_from"] == "protonet_3w1s"
    assert begun["minutes"] > first["minutes"]
    assert begun["curve"][0][0] == first["iterations"]
    assert begun["curve"][-1][0] == 6
    further = train(tables, tmp_path, small_row(8, n_shot=5), "continue")
    assert further["begun_from"] == "protonet_3w1s"


def test_another_learner_gives_its_embedding(tables, tmp_path):
    train(tables, tmp_path, small_row(2))
    train(tables, tmp_path, small_row(2, learner="matching"), other="protonet_3w1s")
    given = load_file(tmp_path / "kept" / "protonet_3w1s.safetensors")
    begun = load_file(tmp_path / "runs" / "matching_3w1s" / "begun.safetensors")
    taken = {key: value for key, value in begun.items() if key.startswith("network.")}
    assert taken
    for key, value in taken.items():
        assert torch.equal(value, given[key.removeprefix("network.")].to(value.dtype)), key


def test_a_row_goes_on_with_its_embedding_if_its_head_has_changed(tables, tmp_path):
    few = {"params": {"n_test_steps": 2}, "learner": "reptile"}
    train(tables, tmp_path, small_row(2, network="strided", **few))
    first = load_file(tmp_path / "kept" / "reptile_3w1s.safetensors")
    train(tables, tmp_path, small_row(4, network="flattened", **few), "continue")
    begun = load_file(tmp_path / "runs" / "reptile_3w1s" / "begun.safetensors")
    weights, head = "headed.embedding.blocks.0.convolution.weight", "headed.head.weight"
    assert torch.equal(begun[weights], first[weights].float())
    assert (first[head].shape, begun[head].shape) == ((3, 4), (3, 16))
    assert tables.kept_of("reptile_3w1s")["iterations"] in (2, 4)


def test_a_row_of_another_network_is_refused(tables, monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "train", "maml_5w1s", "--from", "protonet_5w1s"])
    with pytest.raises(InputError, match="cannot begin from protonet_5w1s: its network is another"):
        tables.main()


def test_keys_of_rows_differ_and_name_learners(tables):
    keys = [row.key for row in tables.ROWS]
    assert len(set(keys)) == len(keys)
    assert "maml_first_order_5w1s" in keys


def test_transductive_rows_are_tested_with_as_many_queries_as_shots(tables, tmp_path):
    where = tmp_path / "omniglot28.npz", tmp_path / "runs", 0
    maml = small_row(2, n_shot=2, learner="maml", params={"transductive": True})
    assert maml.config(*where).test.n_query == 2
    assert small_row(2).config(*where).test.n_query == 15


def ask(tables, tmp_path, row, **options):
    given = {"omniglot": tmp_path / "omniglot28.npz", "runs": tmp_path / "runs"}
    plain = {"on": "test", "n_query": None, "like": None, "keep": False}
    tables.test(row, argparse.Namespace(**given, **plain | options))


def test_a_row_is_asked_for_other_numbers_of_queries(tables, tmp_path):
    row = small_row(2, learner="maml", params={"transductive": True, "meta_batch": 2})
    kept = train(tables, tmp_path, row)
    ask(tables, tmp_path, row, n_query=15, keep=True)
    found = tables.kept_of(row.key)
    mean = found.pop("accuracy_of_15")["mean"]
    assert found == kept
    rows = dict.fromkeys((row.key for row in tables.ROWS), None)
    section = "What the queries of an episode tell of each other"
    assert section not in page(rows)
    text = page(rows | {"maml_5w1s": tables.kept_of(row.key)})
    assert section in text
    assert f"| {100 * mean:.2f} ± " in text.partition(section)[2]


def test_a_row_is_asked_for_the_episodes_of_another(tables, tmp_path, monkeypatch):
    row, other = small_row(2), small_row(2, learner="siamese")
    alone = other.config(Path(), Path(), 0).test.model_copy(update={"n_query": 1})
    other.settings.update(test=alone, rotations="train")
    monkeypatch.setitem(tables.KNOWN, other.key, other)
    kept = train(tables, tmp_path, row)
    ask(tables, tmp_path, row, like=other.key, keep=True)
    found = tables.kept_of(row.key)
    mean = found.pop(f"accuracy_like_{other.key}")["mean"]
    assert found == kept
    # Two episodes of one query of each of three classes.
    assert mean * 6 == pytest.approx(round(mean * 6), abs=1e-4)


def test_a_row_is_asked_for_classes_of_training(tables, tmp_path, capsys):
    row = small_row(2)
    kept = train(tables, tmp_path, row)
    ask(tables, tmp_path, row, on="train")
    assert " on train, was " in capsys.readouterr().out
    assert tables.kept_of(row.key) == kept
    ask(tables, tmp_path, row, on="train", keep=True)
    on_train = tables.kept_of(row.key)
    assert on_train.pop("accuracy_on_train")["n_episodes"] == 2
    assert on_train == kept
    capsys.readouterr()
    ask(tables, tmp_path, row)
    found, was = capsys.readouterr().out.split(" on test, was ")
    # A query or two may be named otherwise by weights of half precision.
    assert float(found.split()[1]) == pytest.approx(float(was.split()[0]), abs=3)
