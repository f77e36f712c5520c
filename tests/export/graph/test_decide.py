"""What the graph reports on one object, against numpy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from drivemeta.core import one_object
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.export.graph.decide import stands_alone
from drivemeta.export.graph.locate import Rows
from tests.helpers.graphs import session

N, IOU = 40, 0.7
ROOTS = np.array([0, 1, 2, 3, 2, 3])
FLAT = np.array([False, False, True, True, False, False])


def made():
    g = GraphBuilder()
    rows = Rows("boxes", "scores", "labels", "roots", N)
    kinds = dict.fromkeys(("boxes", "scores", "as_kind"), TensorProto.FLOAT)
    kinds |= dict.fromkeys(("labels", "roots"), TensorProto.INT64)
    return session(g, kinds, [stands_alone(g, rows, "as_kind", FLAT, IOU)])


RUN = made()


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), crowd=st.floats(1, 60))
def test_the_graph_keeps_what_numpy_keeps(seed, crowd):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 8, (N, 2)) + crowd * rng.integers(0, 3, (N, 1))
    boxes = np.concatenate([corners, corners + rng.uniform(15, 22, (N, 2))], 1).astype(np.float32)
    labels, as_kind = rng.integers(0, 6, N), rng.integers(1, 9, N).astype(np.float32)
    scores = np.where(rng.uniform(size=N) < 0.8, as_kind, -1).astype(np.float32)
    roots = ROOTS[labels]
    told = np.flatnonzero(scores >= 0)
    seen = boxes[told], as_kind[told], labels[told], roots[told]
    expected = np.zeros(N, np.bool_)
    expected[told] = one_object.stands_alone(*seen, FLAT, IOU)
    feeds = {"boxes": boxes, "scores": scores, "as_kind": as_kind, "labels": labels, "roots": roots}
    (found,) = RUN(**{name: value[None] for name, value in feeds.items()})
    assert found[0].tolist() == expected.tolist()
