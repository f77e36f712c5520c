"""A learner's rows: what it raises or gives wrongly is its fault, and told as such."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from drivemeta.adaptation.bank_rows import fit_rows, proposed_rows
from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.core.scoring import Scoring
from drivemeta.errors import PluginError
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.protocol import ClassRows


class Learner:
    def __init__(self, fitted):
        self.fitted = fitted

    def fit(self, network, support):
        if isinstance(self.fitted, Exception):
            raise self.fitted
        return self.fitted


class Rows:
    def as_bank(self):
        return [0.5]


@pytest.mark.parametrize(
    ("fitted", "told"),
    [
        (nn.Identity(), "expected `fit` to give an object with `as_bank`, found an Identity"),
        (
            ValueError("no shots"),
            r"failed in `fit`, .*test_bank_rows\.py:\d+: ValueError: no shots",
        ),
        (Rows(), r"expected `as_bank` to give a ClassRows, found a list"),
    ],
)
def test_what_a_learner_does_wrongly_is_told(fitted, told):
    with pytest.raises(PluginError, match=rf"Learner of .*test_bank_rows.*{told}"):
        proposed_rows(Learner(fitted), SUPPORT)


SUPPORT = LabelledImages(
    images=torch.eye(3),
    labels=torch.tensor([0, 1, 1]),
    shots=torch.arange(3),
    names=("ice", "rocks"),
    negatives=torch.zeros(0, 3),
)


class Given:
    """A classifier with two rows over three dimensions, or what a test puts in their place."""

    def __init__(self, weights=None, biases=None, owners=None):
        own = (np.eye(2, 3, dtype=np.float32), np.zeros(2, np.float32), np.arange(2))
        given = (weights, biases, owners)
        self.rows = ClassRows(*(a if b is None else b for a, b in zip(own, given, strict=True)))

    def as_bank(self):
        return self.rows


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"weights": np.eye(2, 5)}, r"weights of shape \(n_rows, 3\).*, found \(2, 5\)"),
        ({"weights": np.ones(3)}, r"weights of shape \(n_rows, 3\).*, found \(3,\)"),
        ({"weights": np.eye(2, 3) * [1, np.nan, 1]}, "finite weights, found nan in row 0"),
        ({"weights": np.diag([1, 7, 1])[:2]}, "rows of length 1, found 7 of row 1"),
        ({"biases": np.zeros(3)}, r"biases of shape \(2,\), one a row, found \(3,\)"),
        ({"biases": np.array([0, np.inf])}, "finite biases, found inf in row 1"),
        ({"owners": np.array([0])}, r"owners of shape \(2,\), one a row, found \(1,\)"),
        ({"owners": np.array([0, 2])}, "whole numbers from -1 to 1, found 2 of row 1"),
        ({"owners": np.array([-2, 0])}, "whole numbers from -1 to 1, found -2 of row 0"),
        ({"owners": np.array([0.0, 1.0])}, "whole numbers from -1 to 1, found .* float64"),
    ],
)
def test_rows_that_are_none_of_the_embeddings_are_told(given, told):
    with pytest.raises(PluginError, match=rf"Learner of .*: expected `as_bank` to give .*{told}"):
        proposed_rows(Learner(Given(**given)), SUPPORT)


def test_rows_may_be_tensors_and_nearly_of_length_one():
    rows = torch.eye(2, 3) * 1.0005
    proposed = proposed_rows(Learner(Given(rows, torch.zeros(2), torch.tensor([1, -1]))), SUPPORT)
    np.testing.assert_array_equal(proposed.weights, rows.numpy())
    assert proposed.owners.tolist() == [1, -1]


LIGHTS = ClassBank(
    (
        ClassSpec("traffic_light"),
        ClassSpec("red", "traffic_light"),
        ClassSpec("new", "traffic_light", "novel"),
    ),
    BankRows.empty(3),
    BankRows(
        np.eye(2, 3, dtype=np.float32), np.zeros(2, np.float32), np.array([1, 0]), np.zeros(2, int)
    ),
)


def learnt(name, row):
    """Return the bank after a class learnt a row, beside the red light and a nameless one."""
    shots = LabelledImages(
        images=torch.tensor([row]),
        labels=torch.zeros(1, dtype=torch.long),
        shots=torch.zeros(1, dtype=torch.long),
        names=(name,),
        negatives=torch.zeros(0, 3),
    )
    given = Given(np.array([row], np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64))
    evidence = SimpleNamespace(task_of=lambda classes, *, things: shots)
    return fit_rows(LIGHTS, Learner(given), evidence, ("traffic_light",), Scoring()).crop


def test_a_kind_of_the_base_is_extended_beside_all_rows_there_are_and_held_back():
    crop = learnt("red", [0.0, 0.8, 0.6])  # near what the base leaves nameless
    assert crop.owners.tolist() == [1, 0, 1]
    np.testing.assert_allclose(crop.biases, [0, 0, 0.2], atol=1e-6)
    assert learnt("red", [0.8, 0.0, 0.6]).biases.tolist() == [0, 0, 0]  # near its own


def test_a_new_kind_takes_the_place_of_what_may_well_be_it():
    crop = learnt("new", [0.0, 0.8, 0.6])
    assert crop.owners[:2].tolist() == [1, 2]
    assert not crop.biases.any()
