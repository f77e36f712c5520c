"""Each stage of the graph by itself against numpy."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from drivemeta.core import BankRows, Letterbox
from drivemeta.core.boxes import nms
from drivemeta.core.boxes import vote as place_by_vote
from drivemeta.core.score_rule import Located, choose_crops
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.export.graph.locate import (
    BankValues,
    Rows,
    overlaps_of,
    suppress,
    vote,
)
from drivemeta.export.graph.name_leaves import Eye, crop_priority
from drivemeta.export.graph.preprocess import prepare
from tests.helpers.graphs import session

FLOAT, INT64, UINT8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8


@pytest.fixture(scope="module")
def graph_nms():
    made = {}

    def run(boxes, roots, scores):
        """Return which boxes are kept, and the places of all by vote."""
        n = len(boxes)
        if n not in made:
            g = GraphBuilder()
            rows = Rows("boxes", "scores", "", "roots", n)
            overlaps = overlaps_of(g, rows)
            outputs = [suppress(g, overlaps, n, 0.5), vote(g, rows, overlaps, 0.5)]
            kinds = {"boxes": FLOAT, "roots": INT64, "scores": FLOAT}
            made[n] = session(g, kinds, outputs)
        found = made[n](boxes=boxes[None], roots=roots[None], scores=scores[None])
        return [values[0] for values in found]

    return run


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), n=st.sampled_from([1, 7, 60]), crowd=st.floats(1, 100))
def test_static_suppression_and_voting_equal_the_reference(graph_nms, seed, n, crowd):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, crowd, (n, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 60, (n, 2))], 1).astype(np.float32)
    roots = rng.integers(0, 3, n)
    scores = np.sort(rng.uniform(size=n).astype(np.float32))[::-1].copy()
    keep, places = graph_nms(boxes, roots, scores)
    kept = nms(boxes, scores, roots, 0.5)
    assert np.flatnonzero(keep).tolist() == kept.tolist()
    expected = place_by_vote(boxes, scores, roots, kept, 0.5)
    np.testing.assert_allclose(places[kept], expected, atol=1e-3)


def test_boxes_below_a_pixel_go_and_neither_suppress_nor_vote(graph_nms):
    boxes = np.array([[0, 0, 0.9, 9], [0, 0, 1, 9], [0, 0, 0, 0]], np.float32)
    scores = np.array([0.9, 0.5, 0.1], np.float32)
    keep, places = graph_nms(boxes, np.zeros(3, np.int64), scores)
    assert keep.tolist() == [False, True, False]
    np.testing.assert_allclose(places[1], boxes[1], atol=1e-6)
    assert np.isfinite(places).all()


@pytest.fixture(scope="module")
def graph_fit():
    made = {}

    def run(frame, input_hw):
        if input_hw not in made:
            g = GraphBuilder()
            prepared = prepare(g, "frames", input_hw, None)
            outputs = [prepared.images, prepared.scale, prepared.limits]
            made[input_hw] = session(g, {"frames": UINT8}, outputs)
        return made[input_hw](frames=frame[None])

    return run


@settings(max_examples=40)
@given(height=st.integers(1, 300), width=st.integers(1, 300))
def test_frames_are_fitted_as_the_letterbox_says(graph_fit, height, width):
    frame = np.full((height, width, 3), 255, np.uint8)
    images, scale, limits = graph_fit(frame, (64, 128))
    fit = Letterbox.fit((height, width), (64, 128))
    assert images.shape == (1, 3, 64, 128)
    inside = np.zeros((64, 128), bool)
    inside[: fit.height, : fit.width] = True
    assert np.allclose(images[0, :, inside], 1)
    assert np.allclose(images[0, :, ~inside], 114 / 255)
    assert scale == pytest.approx(fit.scale)
    assert limits.tolist() == [width, height, width, height]


def test_bgr_becomes_rgb(graph_fit):
    frame = np.zeros((64, 128, 3), np.uint8)
    frame[..., 0] = 255  # blue
    assert graph_fit(frame, (64, 128))[0][0, :, 5, 5].tolist() == [0, 0, 1]


def test_crops_are_chosen_by_quota():
    rng = np.random.default_rng(0)
    n = 120
    rows = BankRows(
        np.zeros((5, 4), np.float32),
        np.zeros(5, np.float32),
        np.array([5, 6, 6, 7, -1], np.int64),
        np.array([3, 4, 4, 4, 2], np.int64),
    )
    roots = np.where(np.arange(n) < 90, 3, rng.integers(0, 5, n))
    scores = np.sort(rng.uniform(size=n).astype(np.float32))[::-1].copy()
    located = Located(np.zeros((n, 4), np.float32), scores, roots, roots, np.arange(n))
    chosen = choose_crops(located, rows)
    assert len(chosen) == 32
    n_signs = (roots == 4).sum()
    assert (roots[chosen] == 4).sum() == min(n_signs, 16)
    assert set(roots[chosen]) == {3, 4}
    g = GraphBuilder()
    bank = BankValues("", "", g.value(rows.owners), g.value(rows.roots))
    eye = Eye(onnx.GraphProto(), np.ones(8, np.bool_), 32, 1.0, 15.0)
    priority = crop_priority(g, Rows("", "scores", "", "roots", n), bank, eye)
    run = session(g, {"scores": FLOAT, "roots": INT64}, [priority])
    found = run(scores=scores[None], roots=roots[None])[0][0]
    assert np.argsort(-found, kind="stable")[:32].tolist() == chosen.tolist()
    assert (found[~np.isin(roots, [3, 4])] == 0).all()


@pytest.mark.parametrize("frame_hw", [None, (90, 160)])
def test_the_size_to_fit_into_is_seen_to_be_four_numbers(frame_hw):
    """ONNX Runtime before 1.24 refuses a model where it does not see that."""
    g = GraphBuilder()
    prepare(g, "frames", (64, 96), frame_hw)
    made = {output: node for node in g.nodes for output in node.output}
    (resize,) = (node for node in g.nodes if node.op_type == "Resize")
    assert made[resize.input[3]].op_type == "Reshape"
