"""A network in half precision: its body in float16, image and results in float32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper, shape_inference

from drivemeta.errors import InputError
from drivemeta.export.disassemble import network_model
from drivemeta.export.precision.regions import regions_of

_FLOAT, _HALF = TensorProto.FLOAT, TensorProto.FLOAT16
# inputs whose type the operator fixes, whatever the precision of its image
_FIXED_INPUTS = {"Resize": (1, 2)}


def to_half(graph: onnx.GraphProto) -> onnx.GraphProto:
    """Return a network whose body computes in float16, with weights stored so.

    The normalisation of the image before it, and the decoding of boxes and the normalisation of
    embeddings behind it, stay in float32: squares and exponentials leave float16's range or steps.

    Args:
        graph: Network in float32, with one input `x`.

    Raises:
        InputError: a weight is beyond float16's range.
    """
    return _Halving(graph).result()


class _Halving:
    """The nodes of a network in float16, each after the casts that it needs."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._body = regions_of(graph).body
        self._floats = _float_values(graph)
        self._weights = {tensor.name: tensor for tensor in graph.initializer}
        inside = [node for node in graph.node if node.name in self._body]
        self._made_half = {out for node in inside for out in node.output if out in self._floats}
        self._halved: dict[str, onnx.TensorProto] = {}
        self._casts: dict[str, str] = {}
        self._nodes: list[onnx.NodeProto] = []

    def result(self) -> onnx.GraphProto:
        """Return the converted network.

        Raises:
            InputError: an output comes straight from a layer with weights.
        """
        if any(output.name in self._made_half for output in self._graph.output):
            raise InputError(
                "expected a network that ends in normalisation or decoding, found an output "
                "straight from a layer with weights"
            )
        for node in self._graph.node:
            self._add(node)
        used = {name for node in self._nodes for name in node.input}
        kept = [tensor for name, tensor in self._weights.items() if name in used]
        graph = self._graph
        weights = [*kept, *self._halved.values()]
        return helper.make_graph(self._nodes, graph.name, graph.input, graph.output, weights)

    def _add(self, node: onnx.NodeProto) -> None:
        inside = node.name in self._body
        fixed = _FIXED_INPUTS.get(node.op_type, ())
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [
            name if not name or i in fixed else (self._half if inside else self._full)(name)
            for i, name in enumerate(node.input)
        ]
        if inside:
            _halve_attributes(copy)
        self._nodes.append(copy)

    def _half(self, name: str) -> str:
        """Return the float16 form of a value that a node of the body takes."""
        if name in self._weights:
            self._halved.setdefault(name, _halved(self._weights[name]))
            return str(self._halved[name].name)
        if name not in self._floats or name in self._made_half:
            return name
        return self._cast(name, f"{name}/half", _HALF)

    def _full(self, name: str) -> str:
        """Return the float32 form of a value that another node takes."""
        return self._cast(name, f"{name}/full", _FLOAT) if name in self._made_half else name

    def _cast(self, name: str, out: str, to: int) -> str:
        """Return a value in another type, cast once for all nodes that take it."""
        if name not in self._casts:
            self._casts[name] = out
            self._nodes.append(helper.make_node("Cast", [name], [out], out, to=to))
        return self._casts[name]


def _float_values(graph: onnx.GraphProto) -> set[str]:
    inferred = shape_inference.infer_shapes(network_model(graph), strict_mode=True).graph
    infos = [*inferred.input, *inferred.value_info, *inferred.output]
    known = {info.name for info in infos if info.type.tensor_type.elem_type == _FLOAT}
    return known | {t.name for t in graph.initializer if t.data_type == _FLOAT}


def _halved(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """Return a float16 copy under another name; what is no float comes back as it is."""
    if tensor.data_type != _FLOAT:
        return tensor
    values = numpy_helper.to_array(tensor)
    if np.abs(values).max(initial=0) > np.finfo(np.float16).max:
        raise InputError(
            f"weight {tensor.name!r} reaches {np.abs(values).max():.3g}, beyond float16's range; "
            "export with another precision"
        )
    return numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}/half")


def _halve_attributes(node: onnx.NodeProto) -> None:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.TENSOR and attribute.t.data_type == _FLOAT:
            attribute.t.CopyFrom(_halved(attribute.t))
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == _FLOAT:
            attribute.i = _HALF
