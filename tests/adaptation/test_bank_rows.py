"""A learner's rows: what it raises or gives wrongly is its fault, and told as such."""

import numpy as np
import pytest
import torch
from torch import nn

from drivemeta.adaptation.bank_rows import proposed_rows
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
