"""A network in int8: static quantisation, per channel, written as QuantizeLinear pairs (QDQ).

After Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2017, arXiv 1712.05877; by ONNX Runtime's quantiser.
"""

from __future__ import annotations

import itertools
import logging
import platform
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from drivemeta.errors import InputError
from drivemeta.export.disassemble import network_model
from drivemeta.export.precision.regions import WEIGHTED, regions_of

Int8Format = Literal["auto", "u8s8", "s8s8"]
_QUANTISED = ["Conv", "Gemm", "Clip", "Relu", "Add", "Resize"]
_X86 = ("x86_64", "AMD64", "i686")
# Layers that stay in float: the first ones, and those of few outputs.
N_FIRST, FEW_OUTPUTS = 3, 4


@dataclass(frozen=True)
class Int8Rule:
    """How activations and weights are stored.

    Attributes:
        format: `u8s8` is fast on every x86 processor; `s8s8` is what TensorRT and ARM take; `auto`
            is the one that this machine's processor wants.
    """

    format: Int8Format = "auto"

    def resolved(self) -> Literal["u8s8", "s8s8"]:
        """Return the format for this machine.

        x86 processors multiply unsigned by signed bytes. Those without VNNI add the products of two
        in 16 bits, which saturates unless weights keep to seven bits: hence `reduce_range` there,
        always, so that one file gives the same rows on every processor.
        """
        if self.format != "auto":
            return self.format
        return "u8s8" if platform.machine() in _X86 else "s8s8"


def to_int8(
    graph: onnx.GraphProto, inputs: Iterable[NDArray[np.float32]], rule: Int8Rule | None = None
) -> onnx.GraphProto:
    """Return a network whose body computes in int8; image and results stay in float32.

    So do the stem and the first block, whose few channels all others are made of: in bytes they
    make half of level 1's error and three quarters of level 2's (docs/benchmarks.md). And so do the
    layers that place boxes and say how well, which have four outputs and one.

    Args:
        graph: Network in float32, with one input `x`.
        inputs: Inputs that it is calibrated on, (n, 3, h, w) each.
        rule: Rule by which values are stored.

    Raises:
        InputError: there is nothing to calibrate on.
    """
    rule = rule or Int8Rule()
    regions = regions_of(graph)
    unsigned = rule.resolved() == "u8s8"
    inputs = iter(inputs)
    first = next(inputs, None)
    if first is None:
        raise InputError("expected frames to calibrate int8 on, found none with a thing in them")
    with tempfile.TemporaryDirectory() as folder, _quiet():
        out = Path(folder) / "int8.onnx"
        quantize_static(
            network_model(graph),
            out,
            _Reader(itertools.chain([first], inputs)),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_QUANTISED,
            per_channel=True,
            reduce_range=unsigned,
            activation_type=QuantType.QUInt8 if unsigned else QuantType.QInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=sorted(regions.front | regions.tail | _exact(graph)),
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"ActivationSymmetric": not unsigned},
        )
        found = onnx.load(out).graph
    found.name = graph.name
    del found.value_info[:]
    return found


def _exact(graph: onnx.GraphProto) -> frozenset[str]:
    """Return the first layers and those of few outputs."""
    few = {t.name for t in graph.initializer if len(t.dims) > 1 and t.dims[0] <= FEW_OUTPUTS}
    layers = [node for node in graph.node if node.op_type in WEIGHTED]
    last = [node for node in layers if node.input[1] in few]
    return frozenset(node.name for node in [*layers[:N_FIRST], *last])


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, inputs: Iterable[NDArray[np.float32]]) -> None:
        self._inputs = iter(inputs)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        found = next(self._inputs, None)
        return None if found is None else {"x": found}


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantiser's advice on the root logger to simplify the graph first: it is."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
