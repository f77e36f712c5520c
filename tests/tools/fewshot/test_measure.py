"""What one row of the few-shot table measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drivemeta.core import Detections
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.matching import HIT
from drivemeta.evaluation.operating_point import match_class
from tools.fewshot.measure import grown


def test_what_the_base_cannot_name_yet_is_to_be_found_as_its_super_class() -> None:
    image = AnnotatedImage(
        Path("a.png"),
        (100, 100),
        np.array([[10, 10, 30, 30], [50, 50, 80, 80]], np.float32),
        np.array([0, 1]),
        np.zeros(2, np.bool_),
    )
    truth = Dataset((image,), ("stop", "traffic_sign"))
    tree = grown(ClassTree(("traffic_sign",), (None,), ("base",)), truth)
    found = Detections(
        image.boxes, np.array([0.9, 0.8], np.float32), np.zeros(2, np.int64), tree.names
    )
    matches = match_class(truth, [found], tree, "traffic_sign")
    assert matches.n_truth.tolist() == [2]
    assert matches.outcomes.tolist() == [HIT, HIT]
