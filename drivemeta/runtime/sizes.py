"""How much a graph would take: judged by its shapes, before anything of it runs.

A graph without loops ends; what it takes is what its values take. Their shapes are inferred, for a
frame of ordinary size, from the graph and the constants in it alone. A shape that is computed while
the graph runs stays unknown here: `runtime.trial` is for those.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path

import onnx
from onnx import shape_inference

from drivemeta.errors import ModelFileError
from drivemeta.runtime.manifest import Manifest
from drivemeta.runtime.structure import graphs_within

FRAME_SIZE = (720, 1280)
MOST_ELEMENTS = 2**28  # of one value: a gigabyte of float32, eighty times what our largest takes
MOST_OF_ALL = 2**32
_LARGE = 4096  # elements: larger constants are no shapes, and need not be copied
_ENDLESS = frozenset({"Loop", "Scan", "SequenceMap", "SplitToSequence", "SequenceInsert"})


def check_sizes(path: Path, proto: onnx.ModelProto, manifest: Manifest) -> None:
    """Refuse a graph that repeats, or whose values would take absurdly much memory.

    Raises:
        ModelFileError: with the node, and what it would make.
    """
    scans = _scans_of_frames(proto, manifest)
    for graph in graphs_within(proto.graph):
        endless = next(
            (n for n in graph.node if n.op_type in _ENDLESS and n.name not in scans), None
        )
        if endless is not None:
            raise ModelFileError(
                f"expected a graph without loops and sequences in {path}, found the operator "
                f"{endless.op_type}; models of DriveMeta have none"
            )
        sparse = any(a.HasField("sparse_tensor") for n in graph.node for a in n.attribute)
        if graph.sparse_initializer or sparse:
            raise ModelFileError(
                f"expected dense weights in {path}, found sparse ones; DriveMeta writes none"
            )
    total = 0
    for name, shape in _shapes(path, proto, manifest):
        n = prod(shape)
        total += n
        if n > MOST_ELEMENTS or total > MOST_OF_ALL:
            raise ModelFileError(
                f"{path} would take absurdly much memory: its value {name!r} has the shape "
                f"{list(shape)}, and {total:.2g} elements are made up to it, of which "
                f"{MOST_ELEMENTS:.2g} in one and {MOST_OF_ALL:.2g} in all are allowed"
            )


def _scans_of_frames(proto: onnx.ModelProto, manifest: Manifest) -> set[str]:
    """Return the name of the one loop that may be: over the frames of a batch.

    A detector of the user's own that takes one frame only is run in it (`own/graph.py`).
    """
    if manifest.own is None or not manifest.own.one_by_one:
        return set()
    scans = [node.name for node in proto.graph.node if node.op_type == "Scan"]
    return set(scans) if len(scans) == 1 else set()


def _shapes(
    path: Path, proto: onnx.ModelProto, manifest: Manifest
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the values of a graph whose shape is known for one frame, with their shapes."""
    try:
        inferred = shape_inference.infer_shapes(_bare(proto, manifest))
    except (shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"{path}: its shapes do not fit each other: {error}") from error
    for graph in graphs_within(inferred.graph):
        for value in graph.value_info:
            dims = value.type.tensor_type.shape.dim
            if all(dim.HasField("dim_value") for dim in dims):
                yield value.name, tuple(dim.dim_value for dim in dims)


def _bare(proto: onnx.ModelProto, manifest: Manifest) -> onnx.ModelProto:
    """Return a copy for one frame, without the weights: only their shapes are needed."""
    bare = onnx.ModelProto(ir_version=proto.ir_version, opset_import=proto.opset_import)
    graph = bare.graph
    graph.node.extend(proto.graph.node)
    graph.output.extend(proto.graph.output)
    for value in proto.graph.input:
        graph.input.append(value)
        if value.name == "frames":
            size = manifest.input.frame_size or FRAME_SIZE
            shape = graph.input[-1].type.tensor_type.shape
            for dim, wanted in zip(shape.dim, (1, *size, 3), strict=True):
                dim.dim_value = wanted
    known = {value.name for value in proto.graph.input}
    for tensor in proto.graph.initializer:
        if prod(tensor.dims) <= _LARGE:
            graph.initializer.append(tensor)
        elif tensor.name not in known:
            graph.input.append(
                onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            )
    return bare
