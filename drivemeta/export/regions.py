"""Which part of a network may lose precision, and which may not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import onnx

WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


@dataclass(frozen=True)
class Regions:
    """Names of a network's nodes by what they are for.

    Attributes:
        front: before the first layer with weights: the normalisation of the image.
        body: from the first layer with weights to the last.
        last: those layers with weights, within the body, that have none behind them.
        tail: behind all of these: decoding of boxes, normalisation of embeddings.
    """

    front: frozenset[str]
    body: frozenset[str]
    last: frozenset[str]
    tail: frozenset[str]


def regions_of(graph: onnx.GraphProto) -> Regions:
    """Return the regions of a network whose nodes all have names of their own.

    A node is in the tail if no layer with weights can be reached from it, and in the front if it
    can be reached from none.
    """
    nodes = list(graph.node)
    after = _reached(nodes)
    before = _reached(reversed(nodes), backwards=True)
    names = {node.name for node in nodes}
    weighted = {node.name for node in nodes if node.op_type in WEIGHTED}
    tail = names - weighted - before
    front = names - weighted - after - tail
    return Regions(
        front=frozenset(front),
        body=frozenset(names - front - tail),
        last=frozenset(weighted - before),
        tail=frozenset(tail),
    )


def _reached(nodes: Iterable[onnx.NodeProto], backwards: bool = False) -> set[str]:
    """Return the nodes that lie behind (before) a layer with weights; nodes are in that order."""
    values: set[str] = set()
    found: set[str] = set()
    for node in nodes:
        enters, leaves = (node.output, node.input) if backwards else (node.input, node.output)
        reached = any(name in values for name in enters if name)
        if reached:
            found.add(node.name)
        if reached or node.op_type in WEIGHTED:
            values.update(name for name in leaves if name)
    return found
