"""A detector of the user's own as one graph: frames in, dense output beside level 1's out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from drivemeta.core.own import APART
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.models.own import LEAST
from drivemeta.own.candidates import Candidate
from drivemeta.own.file import OwnFile
from drivemeta.own.network import FitNetwork, fit_network
from drivemeta.own.preparing import PreparedValues, add_preparation, prepare_frame
from drivemeta.plugins.calling import Calling

FEWEST_PLACES = 300  # where the number of boxes depends on the image


@dataclass(frozen=True, eq=False)
class OwnPlan:
    """What the graph of a detector is built from.

    Attributes:
        file: Detector's file.
        chosen: Way to read it.
        groups: Slots of the scores of each super-class that it finds.
        scale: Inverse temperature of level 1, see `Scoring.dense_scale`.
    """

    file: OwnFile
    chosen: Candidate
    groups: Sequence[NDArray[np.int64]]
    scale: float


def build_graph(plan: OwnPlan, frame: NDArray[np.uint8]) -> tuple[onnx.GraphProto, bool]:
    """Return the graph of an `OwnFinder`, and whether it runs frame by frame inside a batch.

    Args:
        plan: What it is built from.
        frame: Frame that the network is run on while it is changed.

    Raises:
        ModelFileError: the network cannot be brought to our opset.
    """
    rule = plan.chosen.way.frame
    feeds = plan.file.feeds(prepare_frame(frame, rule).image, rule)
    network, n_places = fit_network(plan.file, feeds), _n_places(plan, frame)
    g = GraphBuilder()
    prepared = add_preparation(g, "x", rule)
    if network.batched:
        boxes, scores = _found(g, plan, network, prepared.images, n_places)
    else:
        boxes, scores = _one_by_one(g, plan, network, prepared.images, n_places)
    outputs = _dense(g, plan, prepared, boxes, scores)
    for name, value in outputs.items():
        g.nodes.append(helper.make_node("Identity", [value], [name], name))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "H", "W"])
    found = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    return g.graph("own", [x], found), not network.batched


def _n_places(plan: OwnPlan, frame: NDArray[np.uint8]) -> int | None:
    """Return how many boxes to give where the file leaves their number free, None if it does not.

    If it is another one for another image, it depends on the image, and 300 are enough.
    """
    signature = plan.file.signature
    batch = signature.image.shape[:-3] if signature.image else ()
    first = 1 if batch == (None,) else 0  # of a free batch, the first axis is that of images
    if not any(None in tensor.shape[first:] for tensor in signature.outputs):
        return None
    rule = plan.chosen.way.frame
    blank = np.full_like(frame, 127)
    counts = {
        len(plan.chosen.find(plan.file, prepare_frame(image, rule))[0]) for image in (frame, blank)
    }
    return max(counts) if len(counts) == 1 and min(counts) >= FEWEST_PLACES else FEWEST_PLACES


def _found(
    g: GraphBuilder, plan: OwnPlan, network: FitNetwork, images: str, n_places: int | None
) -> tuple[str, str]:
    """Add network and decoding; return (N, A, 4) boxes, (N, A, S) scores of super-classes."""
    way, signature = plan.chosen.way, plan.file.signature
    image = signature.image
    assert image is not None  # a layout has recognised it
    value = images if len(image.shape) == 4 else g.Squeeze(images, [0])
    if image.dtype != "float32":
        value = g.Cast(value, to=helper.np_dtype_to_tensor_dtype(np.dtype(image.dtype)))
    feeds = {image.name: value}
    if way.frame.sizes:
        order = way.frame.size[:: -1 if way.frame.sizes_order == "wh" else 1]
        n = g.Slice(g.Shape(images), [0], [1], [0])
        sizes = np.array([order], np.int64)
        feeds[way.frame.sizes] = g.Expand(sizes, g.Concat(n, [2], axis=0))
    outputs = {
        tensor.name: g.cast(value, np.float32) if tensor.dtype == "float16" else value
        for tensor, value in zip(signature.outputs, network.add(g, feeds).values(), strict=True)
    }
    with Calling(plan.chosen.layout, "decode"):
        boxes, scores = plan.chosen.layout.decode(g, way, outputs)
    best = [g.ReduceMax(g.Gather(scores, slots, axis=2), [2]) for slots in plan.groups]
    scores = g.Concat(*best, axis=2)
    if n_places is not None:
        boxes, scores = (_of_length(g, each, n_places) for each in (boxes, scores))
    return boxes, scores


def _of_length(g: GraphBuilder, value: str, n: int) -> str:
    """Add the padding or cutting of (N, A, k) to n places; those added score nothing."""
    there = g.Slice(g.Shape(value), [1], [2], [0])
    missing = g.Max(g.Sub([n], there), [0])
    padded = g.Pad(value, g.Concat([0, 0, 0, 0], missing, [0], axis=0), 0.0)
    return g.Slice(padded, [0], [n], [1])


def _one_by_one(
    g: GraphBuilder, plan: OwnPlan, network: FitNetwork, images: str, n_places: int | None
) -> tuple[str, str]:
    """Add a scan over the images of a batch, for a network that takes one at a time."""
    body = GraphBuilder("own_body/")
    one = body.Unsqueeze("own_body/image", [0])
    found = _found(body, plan, network, one, n_places)
    outputs = [body.Squeeze(value, [0]) for value in found]
    size = [3, *plan.chosen.way.frame.size]
    image = helper.make_tensor_value_info("own_body/image", TensorProto.FLOAT, size)
    widths = (4, len(plan.groups))
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["A", width])
        for name, width in zip(outputs, widths, strict=True)
    ]
    graph = body.graph("own_body", [image], values)
    boxes, scores = g.many("Scan", 2, images, body=graph, num_scan_inputs=1)
    return boxes, scores


def _dense(
    g: GraphBuilder, plan: OwnPlan, prepared: PreparedValues, boxes: str, scores: str
) -> dict[str, str]:
    """Add frame pixels, and logits in the columns that `models/own.py` describes."""
    boxes = g.Div(g.Sub(boxes, prepared.offset), prepared.scale)
    within = g.Min(g.Max(scores, LEAST), 1 - LEAST)
    logits = g.Log(g.Div(within, g.Sub(1.0, within)))
    itself = g.Add(g.Mul(g.ReduceMax(within, [2]), 0.0), 1.0)
    columns = g.Add(g.Mul(logits, 1 / plan.scale), APART)
    return {
        "boxes": boxes,
        "quality": g.ReduceMax(logits, [2], keepdims=0),
        "embeddings": g.Concat(columns, itself, axis=2),
    }
