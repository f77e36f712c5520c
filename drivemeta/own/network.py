"""A detector's network made fit to stand in a graph: opset, one name a node, a batch axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper, version_converter

from drivemeta.errors import ModelFileError
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.models.traced.opset import IR_VERSION, OPSET
from drivemeta.own.file import OwnFile
from drivemeta.runtime.providers import ORT_ERRORS

TOLERANCE = 1e-3  # of outputs, and of their greatest size: what two orders of sums may differ by
BATCH = "N"
PREFIX = "own_body/network/"  # of a network that is nested as it is


@dataclass(frozen=True, eq=False)
class FitNetwork:
    """A detector's network at the opset of our graphs.

    Attributes:
        graph: Its graph; nodes have names of their own, inputs no values.
        batched: Whether it takes any number of images at once.
    """

    graph: onnx.GraphProto
    batched: bool

    @property
    def is_flat(self) -> bool:
        """Whether no node has a graph of its own."""
        kinds = {a.type for node in self.graph.node for a in node.attribute}
        return onnx.AttributeProto.GRAPH not in kinds and not self.graph.sparse_initializer

    def add(self, g: GraphBuilder, feeds: Mapping[str, str]) -> dict[str, str]:
        """Add the network to a graph; return its outputs by their names."""
        names = [value.name for value in self.graph.output]
        if self.is_flat:
            return dict(zip(names, g.inline(self.graph, feeds), strict=True))
        nested = compose.add_prefix_graph(self.graph, PREFIX)
        for name, value in feeds.items():
            g.nodes.append(helper.make_node("Identity", [value], [PREFIX + name]))
        g.nodes.extend(nested.node)
        g.initializers.extend(nested.initializer)
        return {name: PREFIX + name for name in names}


def fit_network(file: OwnFile, feeds: Mapping[str, NDArray[np.generic]]) -> FitNetwork:
    """Return a file's network at our opset, for any number of images if it allows.

    It is run beside the file itself: a change that gives other numbers is none.

    Args:
        file: Detector's file.
        feeds: What it is run on, by input: one image, with a batch axis if the file has one.

    Raises:
        ModelFileError: at our opset it gives other numbers.
    """
    expected = file.session.run(None, dict(feeds))
    proto = _at_opset(file, feeds, expected)
    for i, node in enumerate(proto.graph.node):
        node.name = f"n{i}"
    del proto.graph.value_info[:]
    image = file.signature.image
    free = None
    if image is not None and len(image.shape) == 4 and FitNetwork(proto.graph, True).is_flat:
        free = _freed(proto, image.name, feeds, expected)
    return FitNetwork(proto.graph if free is None else free.graph, free is not None)


def _at_opset(
    file: OwnFile, feeds: Mapping[str, NDArray[np.generic]], expected: list[NDArray[np.generic]]
) -> onnx.ModelProto:
    """Return the model converted to our opset, or said to be of it if that computes the same."""
    found = next(o.version for o in file.proto.opset_import if o.domain in {"", "ai.onnx"})
    tries = [] if found == OPSET else [_converted]
    for change in (*tries, _relabelled):
        proto = change(file.proto)
        if proto is not None and _same(proto, feeds, expected):
            return proto
    raise ModelFileError(
        f"{file.path}: its opset {found} cannot be brought to {OPSET}, that of DriveMeta's models; "
        f"export it with opset {OPSET}"
    )


def _converted(proto: onnx.ModelProto) -> onnx.ModelProto | None:
    try:
        converted: onnx.ModelProto = version_converter.convert_version(proto, OPSET)
    except (RuntimeError, ValueError):  # an operator that it does not know how to convert
        return None
    converted.ir_version = IR_VERSION
    return converted


def _relabelled(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return the same graph as one of our opset: newer ones mostly only add types."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.opset_import[:]
    copy.opset_import.append(helper.make_opsetid("", OPSET))
    copy.ir_version = IR_VERSION
    return copy


def _freed(
    proto: onnx.ModelProto,
    image: str,
    feeds: Mapping[str, NDArray[np.generic]],
    expected: list[NDArray[np.generic]],
) -> onnx.ModelProto | None:
    """Return the model with a free batch axis if it then takes two images as it took each."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    for value in (*copy.graph.input, *copy.graph.output):
        shape = value.type.tensor_type.shape
        if shape.dim:
            shape.dim[0].Clear()
            shape.dim[0].dim_param = BATCH
    _free_reshapes(copy.graph)
    other = np.ascontiguousarray(feeds[image][:, :, ::-1, ::-1])
    alone = _run(proto, {**feeds, image: other})
    both = {
        name: np.concatenate([array, other if name == image else array])
        for name, array in feeds.items()
    }
    found = _run(copy, both)
    if alone is None or found is None or any(array.shape[:1] != (2,) for array in found):
        return None
    fits = all(
        _close(array[:1], one) and _close(array[1:], two)
        for array, one, two in zip(found, expected, alone, strict=True)
    )
    return copy if fits else None


def _free_reshapes(graph: onnx.GraphProto) -> None:
    """Let each reshape to one image keep the axis that it finds there."""
    shapes = {t.name: t for t in graph.initializer}
    made = {n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant"}
    for node in graph.node:
        if node.op_type != "Reshape":
            continue
        tensor = shapes.get(node.input[1], made.get(node.input[1]))
        if tensor is None or tensor.data_type != TensorProto.INT64:
            continue
        sides = numpy_helper.to_array(tensor).copy()
        if len(sides) > 1 and sides[0] == 1:
            sides[0] = 0  # as many as there are
            tensor.CopyFrom(numpy_helper.from_array(sides, tensor.name))


def _run(
    proto: onnx.ModelProto, feeds: Mapping[str, NDArray[np.generic]]
) -> list[NDArray[np.generic]] | None:
    """Return the outputs, None if it cannot be run so."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return list(session.run(None, dict(feeds)))
    except ORT_ERRORS:  # such as a reshape that holds one image only
        return None


def _same(
    proto: onnx.ModelProto,
    feeds: Mapping[str, NDArray[np.generic]],
    expected: list[NDArray[np.generic]],
) -> bool:
    found = _run(proto, feeds)
    return found is not None and all(map(_close, found, expected))


def _close(found: NDArray[np.generic], expected: NDArray[np.generic]) -> bool:
    if found.shape != expected.shape:
        return False
    one, other = found.astype(np.float64), expected.astype(np.float64)
    size = max(1.0, float(np.abs(other).max(initial=0)))
    return bool(np.abs(one - other).max(initial=0) <= TOLERANCE * size)
