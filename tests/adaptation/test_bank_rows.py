"""A learner's rows: what it raises or gives wrongly is its fault, and told as such."""

import pytest
from torch import nn

from drivemeta.adaptation.bank_rows import fit_rows
from drivemeta.errors import PluginError


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
def test_what_a_learner_does_wrongly_is_told(lively_detector, fitted, told):
    with pytest.raises(PluginError, match=rf"Learner of .*test_bank_rows.*{told}"):
        fit_rows(lively_detector.bank, Learner(fitted), None, [])
