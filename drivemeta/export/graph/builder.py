"""Writing an ONNX graph as one writes numpy: `g.Add(x, 1.0)`.

A value is its name. Plain numbers, lists and arrays among the inputs become initialisers: floats
are float32, integers int64. A subgraph of `If` is a child, which sees its parent's values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Value = str | float | Sequence[int] | NDArray[Any]

_DTYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


class GraphBuilder:
    """A graph under construction.

    Args:
        prefix: Beginning of every name, so that graphs can be nested and merged.
    """

    def __init__(self, prefix: str = "") -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._prefix = prefix
        self._count = 0

    def __getattr__(self, op_type: str) -> Callable[..., str]:
        """Return a function that adds one operator with one output and returns its name."""
        if not op_type[0].isupper():
            raise AttributeError(op_type)

        def add(*inputs: Value, **attributes: Any) -> str:
            return self.many(op_type, 1, *inputs, **attributes)[0]

        return add

    def many(
        self,
        op_type: str,
        n_outputs: int,
        *inputs: Value,
        **attributes: Any,
    ) -> tuple[str, ...]:
        """Add one operator and return the names of its outputs."""
        name = self._new(op_type)
        outputs = tuple(name if i == 0 else f"{name}.{i}" for i in range(n_outputs))
        names = [self.value(value) for value in inputs]
        self.nodes.append(helper.make_node(op_type, names, outputs, name, **attributes))
        return outputs

    def value(self, value: Value) -> str:
        """Return the name of a value, making an initialiser of a constant."""
        if isinstance(value, str):
            return value
        if not isinstance(value, np.ndarray):
            is_float = isinstance(value, float)
            value = np.array(value, np.float32 if is_float else np.int64)
        return self.initializer(self._new("const"), value)

    def initializer(self, name: str, array: NDArray[Any]) -> str:
        """Add a constant under a given name."""
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def cast(self, value: Value, dtype: type[np.generic]) -> str:
        """Add a conversion to float32 or int64."""
        return self.Cast(value, to=_DTYPES[np.dtype(dtype)])

    def inline(self, graph: onnx.GraphProto, inputs: Mapping[str, str]) -> tuple[str, ...]:
        """Add a copy of a whole graph.

        Args:
            graph: Nodes without subgraphs.
            inputs: Names of the values that the inputs get, by input.

        Returns:
            The names of its outputs.
        """
        inside = self._new(graph.name) + "/"
        names = {"": "", **inputs}

        def rename(name: str) -> str:
            return names.setdefault(name, inside + name)

        for tensor in graph.initializer:
            copy = onnx.TensorProto()
            copy.CopyFrom(tensor)
            copy.name = rename(tensor.name)
            self.initializers.append(copy)
        for node in graph.node:
            inner = onnx.NodeProto()
            inner.CopyFrom(node)
            inner.name = inside + node.name
            inner.input[:] = map(rename, node.input)
            inner.output[:] = map(rename, node.output)
            self.nodes.append(inner)
        return tuple(rename(output.name) for output in graph.output)

    def named(self, stem: str, values: Mapping[str, str]) -> tuple[str, ...]:
        """Add names of the form `stem_N/key` to values; return them."""
        inside = self._new(stem) + "/"
        for key, value in values.items():
            self.nodes.append(helper.make_node("Identity", [value], [inside + key], inside + key))
        return tuple(inside + key for key in values)

    def child(self, name: str) -> GraphBuilder:
        """Return a builder of a subgraph."""
        return GraphBuilder(self._new(name) + "/")

    def graph(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
    ) -> onnx.GraphProto:
        """Return the graph built."""
        return helper.make_graph(self.nodes, name, inputs, outputs, self.initializers)

    def _new(self, stem: str) -> str:
        self._count += 1
        return f"{self._prefix}{stem}_{self._count}"
