"""Calls whose inputs and outputs stay at one address each, as CUDA graphs want them.

A CUDA graph is captured in the first call with a shape and replayed in the next ones, without the
cost of launching each kernel. It reads and writes the addresses of the first call: so frames are
copied to where they were then, and results are read from there.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

_DTYPES: dict[str, Any] = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


@dataclass(frozen=True, eq=False)
class _Bound:
    """What was bound for one shape of frames."""

    binding: Any
    inputs: dict[str, Any]
    outputs: list[Any]
    options: Any


class Replay:
    """Runs a session at fixed addresses, those of each shape of frames by themselves.

    Since the addresses are shared, threads that call at once take turns.

    Args:
        session: Session made for CUDA graphs.
        outputs: Names of the outputs wanted.
        device: `cuda`, or `cpu`, where nothing is captured but all else is the same.
        index: Index of the device.
    """

    def __init__(
        self, session: Any, outputs: tuple[str, ...], device: str = "cuda", index: int = 0
    ) -> None:
        self._session, self._outputs = session, outputs
        self._device, self._index = device, index
        self._bound: dict[tuple[int, ...], _Bound] = {}
        self._turn = threading.Lock()

    def run(
        self, frames: NDArray[np.uint8], values: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[Any], ...]:
        """Run a batch.

        Args:
            frames: (N, H, W, 3) uint8 BGR.
            values: All further inputs, the same names in every call.

        Returns:
            The outputs wanted, each with a leading axis of length N.
        """
        with self._turn:
            return self._run({"frames": frames, **values})

    def _run(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        frames = arrays["frames"]
        if frames.shape not in self._bound:
            self._bound[frames.shape] = self._bind(arrays, frames.shape[0])
        bound = self._bound[frames.shape]
        for name, array in arrays.items():
            bound.inputs[name].update_inplace(np.ascontiguousarray(array))
        self._session.run_with_iobinding(bound.binding, bound.options)
        return tuple(np.array(output.numpy()) for output in bound.outputs)

    def _bind(self, arrays: Mapping[str, NDArray[Any]], n: int) -> _Bound:
        binding = self._session.io_binding()
        inputs = {}
        for name, array in arrays.items():
            # a copy: on the CPU the value lies in the array given, and later calls write to it
            inputs[name] = ort.OrtValue.ortvalue_from_numpy(
                np.array(array, order="C"), self._device, self._index
            )
            binding.bind_ortvalue_input(name, inputs[name])
        infos = {info.name: info for info in self._session.get_outputs()}
        outputs = []
        for name in self._outputs:
            shape = [n, *infos[name].shape[1:]]
            value = ort.OrtValue.ortvalue_from_shape_and_type(
                shape, _DTYPES[infos[name].type], self._device, self._index
            )
            binding.bind_ortvalue_output(name, value)
            outputs.append(value)
        options = ort.RunOptions()
        # Each shape has a graph of its own; 0 is the default one.
        options.add_run_config_entry("gpu_graph_id", str(len(self._bound) + 1))
        return _Bound(binding, inputs, outputs, options)
