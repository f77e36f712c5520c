"""What every layout of other people's detectors keeps to."""

import numpy as np
import pytest

from drivemeta.plugins.layout.signature import Signature, Tensor
from tests.helpers.own_detectors import by_graph

KIND = "layout"
N_FREE = 20  # boxes where the file leaves their number free


def outputs_of(signature, seed=0):
    """Return random outputs of a file: probabilities, or small whole numbers."""
    rng = np.random.default_rng(seed)
    made = {}
    for tensor in signature.outputs:
        shape = [side or N_FREE for side in tensor.shape]
        if tensor.dtype.startswith("float"):
            made[tensor.name] = rng.uniform(0.01, 0.99, shape).astype(tensor.dtype)
        else:
            made[tensor.name] = rng.integers(0, 3, shape).astype(tensor.dtype)
    return made


def ways_of(plugin):
    from dataclasses import replace

    ways = plugin.recognise(plugin.example())
    return [way if way.n_slots else replace(way, n_slots=5) for way in ways]


def test_it_recognises_its_example(create):
    plugin = create()
    ways = plugin.recognise(plugin.example())
    assert ways
    assert len({str(way.choices) + str(way.frame) for way in ways}) == len(ways)
    for way in ways:
        assert way.why
        assert way.frame.size == plugin.example().image_size(way.frame.size)


def test_the_graph_decodes_as_numpy_does(create):
    plugin = create()
    outputs = outputs_of(plugin.example())
    for way in ways_of(plugin):
        boxes, scores = plugin.decode_arrays(way, outputs)
        assert boxes.shape == (len(scores), 4)
        assert scores.shape == (len(boxes), way.n_slots)
        assert boxes.dtype == scores.dtype == np.float32
        in_graph = by_graph(plugin, way, outputs)
        np.testing.assert_allclose(in_graph[0], boxes, rtol=1e-4, atol=1e-2)
        np.testing.assert_allclose(in_graph[1], scores, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "other",
    [
        Signature(
            (Tensor("x", "float32", (1, 3, 224, 224)),), (Tensor("y", "float32", (1, 1000)),)
        ),
        Signature(
            (Tensor("x", "float32", (1, 3, 512, 512)),),
            (Tensor("y", "float32", (1, 21, 512, 512)),),
        ),
        Signature((Tensor("ids", "int64", (1, 128)),), (Tensor("y", "float32", (1, 128, 768)),)),
        Signature((), ()),
    ],
    ids=["classifier", "segmentation", "text", "nothing"],
)
def test_it_leaves_other_files_alone(create, other):
    assert not create().recognise(other)
