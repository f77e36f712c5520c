"""A network in int8: static quantisation, per channel, written as QuantizeLinear pairs (QDQ).

After Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2017, arXiv 1712.05877; by ONNX Runtime's quantiser.
"""

from __future__ import annotations

import itertools
import logging
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QDQQuantizer,
    QuantType,
    create_calibrator,
)
from onnxruntime.quantization.calibrate import TensorsData

from drivemeta.errors import InputError
from drivemeta.export.disassemble import network_model
from drivemeta.export.precision.regions import WEIGHTED, regions_of

Ranges: TypeAlias = Mapping[str, tuple[float, float]]
"""Least and greatest value of each activation by its name."""

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


def ranges_of(graph: onnx.GraphProto, inputs: Iterable[NDArray[np.float32]]) -> Ranges:
    """Return the least and the greatest value that each activation takes.

    Args:
        graph: Network in float32, with one input `x`.
        inputs: Inputs to run it on, (n, 3, h, w) each.

    Raises:
        InputError: there is nothing to run it on.
    """
    inputs = iter(inputs)
    first = next(inputs, None)
    if first is None:
        raise InputError("expected frames to calibrate int8 on, found none with a thing in them")
    with tempfile.TemporaryDirectory() as folder, _quiet():
        whole, augmented = (Path(folder) / f"{name}.onnx" for name in ("whole", "augmented"))
        onnx.save(network_model(graph), whole)
        calibrator = create_calibrator(
            whole, _QUANTISED, str(augmented), calibrate_method=CalibrationMethod.MinMax
        )
        calibrator.collect_data(_Reader(itertools.chain([first], inputs)))
        found = calibrator.compute_data()
    bounds = {name: found[name].range_value for name in found}
    return {name: (float(np.min(low)), float(np.max(high))) for name, (low, high) in bounds.items()}


def to_int8(
    graph: onnx.GraphProto, ranges: Ranges, rule: Int8Rule | None = None
) -> onnx.GraphProto:
    """Return a network whose body computes in int8; image and results stay in float32.

    So do the stem and the first block, whose few channels all others are made of: in bytes they
    make half of level 1's error and three quarters of level 2's (docs/benchmarks.md). And so do the
    layers that place boxes and say how well, which have four outputs and one.

    Args:
        graph: Network in float32, with one input `x`.
        ranges: What its activations reach, see `ranges_of`.
        rule: Rule by which values are stored.

    Raises:
        InputError: the ranges are not of this network.
    """
    rule = rule or Int8Rule()
    unsigned = rule.resolved() == "u8s8"
    regions = regions_of(graph)
    bounds = {n: (np.float32(low), np.float32(high)) for n, (low, high) in ranges.items()}
    with tempfile.TemporaryDirectory() as folder, _quiet():
        out = Path(folder) / "int8.onnx"
        quantizer = QDQQuantizer(
            network_model(graph),
            True,  # per channel
            unsigned,  # reduced range
            QuantType.QInt8,
            QuantType.QUInt8 if unsigned else QuantType.QInt8,
            TensorsData(CalibrationMethod.MinMax, bounds),
            [],
            sorted(regions.front | regions.tail | _exact(graph)),
            _QUANTISED,
            {"ActivationSymmetric": not unsigned},
        )
        try:
            quantizer.quantize_model()
        except ValueError as error:
            raise InputError(
                f"expected ranges of every activation of the network, found others: {error}; "
                "calibrate int8 on frames"
            ) from error
        quantizer.model.save_model_to_file(str(out), False)
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
