"""The `synthetic` source: scenes without a file."""

import numpy as np
import pytest

from drivemeta.errors import InputError
from drivemeta.plugins import default_registry
from drivemeta.synthetic import SyntheticFrame


def _source(**params):
    return default_registry().create("source", "synthetic", height=96, width=160, **params)


def test_frames_come_in_order_with_their_truth():
    truths: dict[int, SyntheticFrame] = {}
    source = _source(seed=4, n_frames=5, fps=10, on_truth=truths.__setitem__)
    info = source.info()
    frames = list(source)
    assert (info.n_frames, info.frame_size, info.fps) == (5, (96, 160), 10)
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert all(np.array_equal(truths[f.index].image, f.image) for f in frames)


def test_an_endless_source_ends_when_closed():
    source = _source(n_frames=None)
    assert source.info().n_frames is None
    for frame in source:
        if frame.index == 2:
            source.close()
    assert frame.index == 2
    source.close()


def test_wrong_values_are_refused():
    with pytest.raises(InputError, match="n_frames"):
        _source(n_frames=0)
    with pytest.raises(InputError, match="fps"):
        _source(fps=0)
    with pytest.raises(InputError, match="unknown 'hail'"):
        _source(weather="hail")
