"""Peers that name what level 1 finds."""

from __future__ import annotations

import numpy as np

from drivemeta.core import Letterbox
from drivemeta.export.probe_scene import draw_scene
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.proposals import dense_of
from tools.fewshot.peers.naming import _places


def test_a_voted_box_is_embedded_by_the_nearest_location(
    lively_detector: TwoLevelDetector,
) -> None:
    image = draw_scene((360, 640), 1)
    dense = dense_of(lively_detector, image)
    hw = (image.shape[0], image.shape[1])
    in_frame = Letterbox.fit(hw, lively_detector.input_size).to_frame(dense.boxes)
    inside = np.flatnonzero((in_frame.min(1) > 2) & (in_frame[:, 2:] < [638, 358]).all(1))[::29]
    moved = (in_frame[inside] + np.float32(0.01)).astype(np.float32)
    places = _places(dense.boxes, moved, hw, lively_detector.input_size)
    assert len(inside) > 5
    np.testing.assert_allclose(in_frame[places], in_frame[inside], atol=0.5)
