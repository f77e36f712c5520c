"""Which part of a network may lose precision, and which may not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


@dataclass(frozen=True)
class Regions:
    """Names of a network's nodes by what they are for.

    Attributes:
        front: Nodes before the first layer with weights: the normalisation of the image.
        body: Nodes from the first layer with weights to the last.
        tail: Nodes behind all of these: decoding of boxes, normalisation of embeddings.
    """

    front: frozenset[str]
    body: frozenset[str]
    tail: frozenset[str]


def regions_of(graph: onnx.GraphProto) -> Regions:
    """Return the regions of a network whose nodes all have names of their own.

    A node is in the tail if no layer with weights can be reached from it, and in the front if it
    can be reached from none.
    """
    nodes = list(graph.node)
    names = {node.name for node in nodes}
    weighted = _weighted(graph)
    after = _reached(nodes, weighted)
    before = _reached(reversed(nodes), weighted, backwards=True)
    tail = names - weighted - before
    front = names - weighted - after - tail
    return Regions(
        front=frozenset(front),
        body=frozenset(names - front - tail),
        tail=frozenset(tail),
    )


def _weighted(graph: onnx.GraphProto) -> set[str]:
    """Return the layers with weights. A convolution with ones is a sum, and none of them."""
    ones = {t.name for t in graph.initializer if np.all(numpy_helper.to_array(t) == 1)}
    return {
        node.name for node in graph.node if node.op_type in WEIGHTED and node.input[1] not in ones
    }


def _reached(nodes: Iterable[onnx.NodeProto], start: set[str], backwards: bool = False) -> set[str]:
    """Return the nodes that lie behind (before) those of `start`; nodes are in that order."""
    values: set[str] = set()
    found: set[str] = set()
    for node in nodes:
        enters, leaves = (node.output, node.input) if backwards else (node.input, node.output)
        reached = any(name in values for name in enters if name)
        if reached:
            found.add(node.name)
        if reached or node.name in start:
            values.update(name for name in leaves if name)
    return found
