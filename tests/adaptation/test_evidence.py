"""The tables of what the base sees: all columns of a row go together."""

from dataclasses import fields

import numpy as np
import torch

from drivemeta.adaptation.observation import observe


def rows_of(table):
    return {field.name: getattr(table, field.name) for field in fields(table)}


def test_a_mask_takes_every_column_of_the_same_rows(lively_detector, make_support):
    seen = observe(lively_detector, make_support(3, "rocks", "ice"))
    for table in (seen.boxes, seen.negatives):
        mask = np.arange(len(table)) % 2 == 1
        part = table[mask]
        assert len(part) == mask.sum() > 0
        for name, column in rows_of(part).items():
            np.testing.assert_array_equal(column, rows_of(table)[name][torch.from_numpy(mask)])


def test_without_a_frame_what_it_showed_is_gone(lively_detector, make_support):
    seen = observe(lively_detector, make_support(3, "rocks", "ice"))
    rest = seen.without_frame(2)
    assert len(rest.frames) == 5
    np.testing.assert_array_equal(rest.boxes.frames, [0, 1, 3, 4, 5])
    np.testing.assert_array_equal(rest.boxes.labels, [0, 1, 1, 0, 1])
    assert set(rest.negatives.frames.tolist()) == set(seen.negatives.frames.tolist()) - {2}
    for task in (rest.labelled, rest.embedded):
        assert set(task.shots.tolist()) == {0, 1, 3, 4, 5}
        assert len(task.negatives) == len(rest.negatives) < len(seen.negatives)
