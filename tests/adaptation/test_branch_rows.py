"""Rows of a branch: what its classifier raises or gives wrongly is told as its own fault."""

import numpy as np
import pytest
import torch
from torch import nn

from drivemeta.adaptation.branch_rows import BranchRows
from drivemeta.banks.named import load_bank
from drivemeta.errors import PluginError
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.protocol import ClassRows


class Odd:
    """A classifier that gives lists, and has no room for many features."""

    def novel_branch(self):
        return nn.Identity()

    def rows_for(self, support):
        return [0.5]

    def distractors(self, features):
        return [0.5] if len(features) == 1 else features[0] / 0 + "x"


SUPPORT = LabelledImages(
    images=torch.zeros(1, 4),
    labels=torch.zeros(1, dtype=torch.int64),
    shots=torch.zeros(1, dtype=torch.int64),
    names=("ice",),
    negatives=torch.zeros(0, 4),
)


@pytest.mark.parametrize(
    ("replay", "told"),
    [
        (torch.zeros(1, 4), "expected `distractors` to give a ndarray, found a list"),
        (torch.zeros(2, 4), r"failed in `distractors`, .*test_branch_rows\.py:\d+: TypeError"),
    ],
)
def test_what_a_classifier_places_wrongly_is_told(replay, told):
    rows = BranchRows(Odd(), 2, {"signs": replay})
    with pytest.raises(PluginError, match=f"Odd of .*test_branch_rows.*{told}"):
        rows.widen("signs", load_bank("signs"), 4)


def test_rows_that_are_none_are_told():
    with pytest.raises(PluginError, match="expected `rows_for` to give a ClassRows, found a list"):
        BranchRows(Odd(), 2).fit(nn.Identity(), SUPPORT)


@pytest.mark.parametrize(
    ("placed", "told"),
    [(np.zeros((1, 3)), r"found \(1, 3\)"), (np.full((1, 2), np.nan), "found values that are not")],
)
def test_distractors_of_another_shape_or_not_finite_are_told(placed, told):
    class Elsewhere(Odd):
        def distractors(self, features):
            return placed

    rows = BranchRows(Elsewhere(), 2, {"signs": torch.zeros(1, 4)})
    with pytest.raises(PluginError, match=rf"Elsewhere of .*`distractors`.*\(1, 2\), {told}"):
        rows.widen("signs", load_bank("signs"), 4)


def test_rows_of_another_width_are_told():
    class Wide(Odd):
        def rows_for(self, support):
            return ClassRows(np.eye(1, 4, dtype=np.float32), np.zeros(1), np.zeros(1, np.int64))

    with pytest.raises(PluginError, match=r"Wide of .*`rows_for`.*\(n_rows, 2\).*found \(1, 4\)"):
        BranchRows(Wide(), 2).fit(nn.Identity(), SUPPORT)


def test_rows_of_a_bank_that_is_not_replayed_lie_in_the_columns_of_the_base():
    bank = load_bank("signs")
    wide = BranchRows(Odd(), 2).widen("signs", bank, bank.weights.shape[1] + 3)
    np.testing.assert_array_equal(wide[:, : bank.weights.shape[1]], bank.weights)
    assert not wide[:, -3:].any()
