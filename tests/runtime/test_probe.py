"""The probe: what it promises, and how far a found row may lie from it."""

import numpy as np
import pytest
from pydantic import ValidationError

from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime.probe import Probe, RowArrays, clear_thresholds, compare_rows


def rows_of(boxes, scores):
    return RowArrays(
        np.array(boxes, np.float32), np.array(scores, np.float32), np.zeros(len(boxes), np.int64)
    )


def test_a_probe_survives_its_json_with_its_tolerance():
    image, rows = draw_scene((40, 60)), rows_of([[1, 2, 3, 4]], [0.5])
    probe = Probe.model_validate_json(Probe.make(image, 0.3, rows, (2.0, 0.05)).model_dump_json())
    assert (probe.box_px, probe.score) == (2.0, 0.05)
    assert np.array_equal(probe.image(), image)
    assert probe.rows().boxes.tolist() == [[1, 2, 3, 4]]


def test_probes_without_a_tolerance_are_as_strict_as_ever():
    probe = Probe.make(draw_scene((40, 60)), 0.3, rows_of([[1, 2, 3, 4]], [0.5]))
    known = probe.model_dump(exclude={"box_px", "score"})
    assert (Probe(**known).box_px, Probe(**known).score) == (0.1, 1e-3)


@pytest.mark.parametrize("tolerance", [(9.0, 0.01), (1.0, 0.5), (-1.0, 0.01)])
def test_a_probe_that_would_prove_nothing_is_refused(tolerance):
    with pytest.raises(ValidationError):
        Probe.make(draw_scene((40, 60)), 0.3, rows_of([[1, 2, 3, 4]], [0.5]), tolerance)


def test_rows_pair_within_the_tolerance_given():
    expected, found = rows_of([[0, 0, 9, 9]], [0.5]), rows_of([[0, 0, 9, 10]], [0.52])
    assert compare_rows(expected, found).n_unmatched == 2
    agreement = compare_rows(expected, found, (1.5, 0.05))
    assert agreement.n_unmatched == 0
    assert agreement.box_px == 1
    assert agreement.score == pytest.approx(0.02, abs=1e-6)


def test_a_row_of_another_label_is_no_partner():
    expected, found = rows_of([[0, 0, 9, 9]], [0.5]), rows_of([[0, 0, 9, 9]], [0.5])
    assert compare_rows(expected, found).n_unmatched == 0
    found.labels[:] = 3
    assert compare_rows(expected, found).n_unmatched == 2
    two = RowArrays(
        *(np.repeat(column, 2, 0) for column in (found.boxes, found.scores)), np.array([3, 0])
    )
    agreement = compare_rows(expected, two)
    assert (agreement.n_unmatched, agreement.score) == (1, 0)


@pytest.mark.parametrize("n", [0, 5])
def test_too_few_scores_have_no_threshold(n):
    assert clear_thresholds(np.linspace(0.9, 0.5, n, dtype=np.float32)) == []


def test_a_threshold_leaves_five_rows_at_least():
    scores = np.array([0.9, 0.1, 0.09, 0.08, 0.07, 0.05, 0.049], np.float32)
    assert clear_thresholds(scores)[0] == pytest.approx(0.06)
