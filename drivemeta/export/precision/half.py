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
        graph: float32, one input `x`.

    Raises:
        InputError: a weight is beyond float16's range.
    """
    body = regions_of(graph).body
    floats = _float_values(graph)
    weights = {t.name: t for t in graph.initializer}
    made_half = {out for n in graph.node if n.name in body for out in n.output if out in floats}
    nodes: list[onnx.NodeProto] = []
    halved: dict[str, onnx.TensorProto] = {}
    casts: dict[str, str] = {}

    def half(name: str) -> str:
        """Return the float16 form of a value that a node of the body takes."""
        if name in weights:
            halved.setdefault(name, _halved(weights[name]))
            return str(halved[name].name)
        if name not in floats or name in made_half:
            return name
        if name not in casts:
            casts[name] = f"{name}/half"
            nodes.append(_cast(name, casts[name], _HALF))
        return casts[name]

    def full(name: str) -> str:
        """Return the float32 form of a value that another node takes."""
        if name not in made_half:
            return name
        if name not in casts:
            casts[name] = f"{name}/full"
            nodes.append(_cast(name, casts[name], _FLOAT))
        return casts[name]

    for node in graph.node:
        inside = node.name in body
        fixed = _FIXED_INPUTS.get(node.op_type, ())
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [
            name if not name or i in fixed else (half if inside else full)(name)
            for i, name in enumerate(node.input)
        ]
        if inside:
            _halve_attributes(copy)
        nodes.append(copy)
    return _result(graph, nodes, weights, halved, made_half)


def _result(
    graph: onnx.GraphProto,
    nodes: list[onnx.NodeProto],
    weights: dict[str, onnx.TensorProto],
    halved: dict[str, onnx.TensorProto],
    made_half: set[str],
) -> onnx.GraphProto:
    if any(output.name in made_half for output in graph.output):
        raise InputError(
            "expected a network that ends in normalisation or decoding, found an output straight "
            "from a layer with weights"
        )
    used = {name for node in nodes for name in node.input}
    kept = [tensor for name, tensor in weights.items() if name in used]
    return helper.make_graph(
        nodes, graph.name, graph.input, graph.output, [*kept, *halved.values()]
    )


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


def _cast(name: str, out: str, to: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [name], [out], out, to=to)
