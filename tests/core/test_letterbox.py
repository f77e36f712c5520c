"""The map between frame and input, and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drivemeta.core import Letterbox

sides = st.integers(1, 4000)
inputs = st.integers(1, 20).map(lambda n: 64 * n)


@given(st.tuples(sides, sides), st.tuples(inputs, inputs))
def test_the_frame_fits_and_fills_one_side(frame_hw, input_hw):
    fit = Letterbox.fit(frame_hw, input_hw)
    assert 1 <= fit.height <= input_hw[0]
    assert 1 <= fit.width <= input_hw[1]
    assert fit.height == input_hw[0] or fit.width == input_hw[1]
    assert abs(fit.height - frame_hw[0] * fit.scale) <= 1
    assert abs(fit.width - frame_hw[1] * fit.scale) <= 1


@given(st.tuples(sides, sides), st.tuples(inputs, inputs), st.integers(0, 10**6))
def test_boxes_come_back(frame_hw, input_hw, seed):
    fit = Letterbox.fit(frame_hw, input_hw)
    height, width = frame_hw
    limits = [width, height, width, height]
    boxes = np.random.default_rng(seed).uniform(0, limits, (8, 4)).astype(np.float32)
    inside = fit.to_input(boxes)
    assert inside.dtype == np.float32
    assert (inside <= np.array(input_hw[::-1] * 2) + 1e-2).all()
    np.testing.assert_allclose(fit.to_frame(inside), boxes, rtol=1e-4, atol=1e-3)


def test_the_same_size_is_left_alone():
    assert Letterbox.fit((576, 1024), (576, 1024)) == Letterbox(1.0, 576, 1024)
