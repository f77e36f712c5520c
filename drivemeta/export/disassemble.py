"""The two networks taken back out of an exported file, so that it can be assembled anew.

With another class bank, another precision or another frame size, without the torch model. The
networks are those of the file, bit for bit.
"""

from __future__ import annotations

import re

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from drivemeta.errors import ModelFileError
from drivemeta.export.graph.assemble import DENSE, Networks
from drivemeta.models.own import OwnFinder
from drivemeta.models.traced.opset import IR_VERSION, OPSET
from drivemeta.runtime.model_file import ModelFile
from drivemeta.runtime.structure import graphs_within

Sides = tuple[int, int] | tuple[str, str]
SIDE = 64  # pixels of a frame that a network is run on where it takes any


def networks_of(file: ModelFile) -> Networks:
    """Return the networks of an exported model.

    Raises:
        ModelFileError: the graph is not laid out as this version writes it.
    """
    rule, whole = file.manifest.input, file.proto.graph
    try:
        level1 = None
        if file.manifest.own is None or not file.manifest.own.alone:
            level1 = _extract(whole, "level1", DENSE, (rule.height, rule.width))
        level2, things = (_embedding(file, stem) for stem in ("level2", "things"))
        if level2 is None and things is None:
            raise LookupError("level 2 is not in it, as its baked bank has no rows for it")
        own = None if file.manifest.own is None else own_of(file).graph
    except LookupError as error:
        raise ModelFileError(
            f"{file.path}: cannot take its networks out of the graph: {error}; export it again "
            "with this version"
        ) from error
    n_locations = sum(count_locations(part) for part in (level1, own) if part is not None)
    return Networks(level1, level2, n_locations, things, own)


def _embedding(file: ModelFile, stem: str) -> onnx.GraphProto | None:
    """Return an embedding of level 2, None where the model needs none of it."""
    whole, baked = file.proto.graph, file.manifest.bank.mode == "baked"
    unused = baked or (stem == "things" and not file.manifest.scoring.get("thing_scale"))
    if unused and not _holds(whole, stem):
        return None
    return _extract(whole, stem, ("embeddings",), _crop_size(whole, stem))


def own_of(file: ModelFile) -> OwnFinder:
    """Return the detector of the user's own that a model holds.

    Raises:
        ModelFileError: it holds none, or the graph is not laid out as this version writes it.
    """
    if file.manifest.own is None:
        raise ModelFileError(
            f"expected a model with a detector of your own, found none in {file.path}; make one by "
            "`drivemeta base import`"
        )
    try:
        graph = _extract(file.proto.graph, "own", DENSE, ("H", "W"))
    except LookupError as error:
        raise ModelFileError(
            f"{file.path}: cannot take the detector of your own out of the graph: {error}; import "
            "it again with this version"
        ) from error
    return OwnFinder(graph, file.manifest.own)


def network_model(graph: onnx.GraphProto) -> onnx.ModelProto:
    """Return a network as a model of its own, weights copied."""
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )


def count_locations(level1: onnx.GraphProto) -> int:
    """Return how many places a network that finds gives at its input size, by running it once."""
    data = network_model(level1).SerializeToString()
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    shape = [d.dim_value or SIDE for d in level1.input[0].type.tensor_type.shape.dim][1:]
    (boxes,) = session.run(["boxes"], {"x": np.zeros((1, *shape), np.float32)})
    return int(np.shape(boxes)[1])


def _crop_size(whole: onnx.GraphProto, stem: str) -> tuple[int, int]:
    """Return height and width of the crops that an embedding is fed."""
    graph, _ = _find(whole, stem)
    maker = {output: node for node in graph.node for output in node.output}
    node = maker.get(input_of(whole, stem))
    while node is not None and node.op_type != "RoiAlign":
        node = next((maker[name] for name in node.input if name in maker), None)
    if node is None:
        raise LookupError(f"{stem} is fed no crops")
    side = {a.name: a.i for a in node.attribute}
    return side["output_height"], side["output_width"]


def input_of(whole: onnx.GraphProto, stem: str) -> str:
    """Return the name of the value that a network of a baked model is fed.

    Raises:
        LookupError: the network is not in it.
    """
    graph, prefix = _find(whole, stem)
    inside = {t.name for t in graph.initializer}
    for node in graph.node:
        if node.name.startswith(prefix):
            outside = [n for n in node.input if n and not n.startswith(prefix) and n not in inside]
            if outside:
                return str(outside[0])
    raise LookupError(f"{stem} takes nothing from outside")


def _extract(
    whole: onnx.GraphProto, stem: str, outputs: tuple[str, ...], size: Sides
) -> onnx.GraphProto:
    """Return the part whose names begin with `stem_N/`, as `GraphBuilder.inline` named it."""
    graph, prefix = _find(whole, stem)
    return _cut_out(graph, prefix, stem, outputs, size)


def _holds(whole: onnx.GraphProto, stem: str) -> bool:
    """Return whether a network is in a graph."""
    try:
        _find(whole, stem)
    except LookupError:
        return False
    return True


def _find(whole: onnx.GraphProto, stem: str) -> tuple[onnx.GraphProto, str]:
    """Return the graph that a network lies in, and what its names begin with."""
    pattern = re.compile(rf"(?:[^/]+/)?{stem}_\d+/")
    for graph in graphs_within(whole):
        match = next(filter(None, (pattern.match(node.name) for node in graph.node)), None)
        if match:
            return graph, match.group()
    raise LookupError(f"no nodes of {stem}")


def _cut_out(
    graph: onnx.GraphProto, prefix: str, stem: str, outputs: tuple[str, ...], size: Sides
) -> onnx.GraphProto:
    nodes = [_renamed(node, prefix) for node in graph.node if node.name.startswith(prefix)]
    weights = []
    for tensor in graph.initializer:
        if tensor.name.startswith(prefix):
            weight = TensorProto()
            weight.CopyFrom(tensor)
            weight.name = tensor.name.removeprefix(prefix)
            weights.append(weight)
    made = {name for node in nodes for name in node.output}
    missing = set(outputs) - made
    if missing:
        raise LookupError(f"{stem} has no {', '.join(sorted(missing))}")
    return helper.make_graph(
        nodes,
        stem,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, *size])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        weights,
    )


def _renamed(node: onnx.NodeProto, prefix: str) -> onnx.NodeProto:
    """Return a copy with the prefix taken off; the one value from outside becomes `x`."""

    def rename(name: str) -> str:
        if not name:
            return name
        return name.removeprefix(prefix) if name.startswith(prefix) else "x"

    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.name = node.name.removeprefix(prefix)
    copy.input[:] = map(rename, node.input)
    copy.output[:] = map(rename, node.output)
    return copy
