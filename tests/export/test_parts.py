"""The probe of a model written anew: it promises what the model before finds."""

from pathlib import Path

import numpy as np
import pytest

from drivemeta.errors import ParityError
from drivemeta.export.parts import _probe
from drivemeta.export.precision.rewrite import (
    DRAWN_SHARE,
    UNMATCHED_SHARE,
    Agreement,
    _check_agreement,
)
from drivemeta.runtime.probe import RowArrays

PICTURE = np.zeros((8, 8, 3), np.uint8)
SCORES = np.array([0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.3, 0.2], np.float32)
WITHIN = (4.0, 0.05)


def finder(shift=(0,) * 8):
    """Return what finds a box for each score, moved by so many pixels."""
    corners = 20 * np.arange(len(SCORES))[:, None] + np.array(shift)[:, None]
    boxes = np.concatenate([corners, corners, corners + 9, corners + 9], 1).astype(np.float32)

    def find(threshold):
        kept = threshold <= SCORES
        return RowArrays(boxes[kept], SCORES[kept], np.zeros(kept.sum(), int))

    return find


def test_the_rows_are_those_of_the_model_before():
    probe = _probe(PICTURE, finder(), finder([2] * len(SCORES)), WITHIN)
    assert probe.threshold == pytest.approx(0.475)  # the clearest
    assert [box[0] for box in probe.boxes] == [20 * i for i in range(6)]
    assert (probe.box_px, probe.score) == WITHIN


def test_a_row_that_moves_is_left_out_by_the_threshold():
    probe = _probe(PICTURE, finder(), finder([0] * 5 + [9, 0, 0]), WITHIN)
    assert probe.threshold == pytest.approx(0.675)
    assert len(probe.boxes) == 5


def test_a_model_that_finds_something_else_is_refused():
    with pytest.raises(ParityError, match="what the model before finds, to 3 px"):
        _probe(PICTURE, finder(), finder([9] + [0] * 7), WITHIN)


def test_a_model_that_finds_too_little_is_refused():
    few = RowArrays(np.zeros((3, 4)), SCORES[:3], np.zeros(3, int))
    with pytest.raises(ParityError, match="fewer than 6 boxes"):
        _probe(PICTURE, lambda _: few, lambda _: few, WITHIN)


@pytest.mark.parametrize(
    ("precision", "share"),
    [*UNMATCHED_SHARE.items(), ("int8", DRAWN_SHARE)],
)
def test_rows_without_a_partner_are_gated_in_every_precision(precision, share):
    n = int(100 * share) + 1
    before = Path("before.onnx")
    _check_agreement(Agreement(2, 100, n - 1, 0.1, 0.01), precision, share, before)
    with pytest.raises(ParityError, match=rf"{precision} does not find .* {n} rows of either"):
        _check_agreement(Agreement(2, 100, n, 0.1, 0.01), precision, share, before)
