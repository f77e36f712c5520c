"""Traced graphs without their weights, and the weights put back: how the shipped base ships.

The weights are in safetensors files, named as in the network. In a traced graph a normalisation has
been taken into the convolution before it, and what stood behind it has moved up by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from drivemeta.core.boxes import FloatArray

Weights = Mapping[str, NDArray[Any]]
_LEFT_OUT = "weights"  # the note at an initializer whose values are left out
_EPSILON = np.float32(1e-5)  # of normalisations


def without_weights(graph: onnx.GraphProto, weights: Weights) -> onnx.GraphProto:
    """Return a traced graph without the values that `with_weights` puts back.

    Args:
        graph: Graph.
        weights: Weights of the network, by the names in it.
    """
    left = onnx.GraphProto()
    left.CopyFrom(graph)
    for tensor in left.initializer:
        found = _fused(weights, tensor.name)
        there = numpy_helper.to_array(tensor)
        if found is not None and np.allclose(found, there, rtol=1e-5, atol=1e-6):
            tensor.ClearField("raw_data")
            tensor.doc_string = _LEFT_OUT
    return left


def with_weights(graph: onnx.GraphProto, weights: Weights) -> onnx.GraphProto:
    """Put the weights back into a graph, which is changed; see `without_weights`.

    Raises:
        ValueError: a weight is missing, or of another shape.
    """
    for tensor in graph.initializer:
        if tensor.doc_string == _LEFT_OUT:
            found = _fused(weights, tensor.name)
            if found is None or found.shape != tuple(tensor.dims):
                raise ValueError(f"{tensor.name} of {graph.name} is not among the weights")
            tensor.raw_data = found.astype("<f4").tobytes()
            tensor.doc_string = ""
    return graph


def _fused(weights: Weights, name: str) -> FloatArray | None:
    """Return a weight as it stands in a traced graph, None if the network has none of that name."""
    place, _, kind = name.rpartition(".")
    place = _place(weights, place)
    norm = _behind(place)
    if f"{norm}.running_var" not in weights:
        found = weights.get(f"{place}.{kind}")
        return None if found is None else np.asarray(found, np.float32)
    mean, var, gain, bias = (
        np.asarray(weights[f"{norm}.{key}"], np.float32)
        for key in ("running_mean", "running_var", "weight", "bias")
    )
    scale: FloatArray = gain / np.sqrt(var + _EPSILON)
    own = np.asarray(weights.get(f"{place}.{kind}", 0), np.float32)
    if kind == "bias":
        return np.asarray(bias - scale * (mean - own), np.float32)
    return np.asarray(own * scale.reshape(-1, *[1] * (own.ndim - 1)), np.float32)


def _place(weights: Weights, traced: str) -> str:
    """Return where a layer of a traced graph stands in the network: with the normalisations."""
    place = ""
    for part in traced.split("."):
        if part.isdigit():
            left, number = int(part), 0
            while left or f"{place}.{number}.running_var" in weights:
                left -= f"{place}.{number}.running_var" not in weights
                number += 1
            part = str(number)
        place = f"{place}.{part}" if place else part
    return place


def _behind(place: str) -> str:
    """Return the place behind another in a sequence; empty if it is in none."""
    before, _, number = place.rpartition(".")
    return f"{before}.{int(number) + 1}" if number.isdigit() else ""
