"""One ONNX Runtime session and the arrays that it holds between runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drivemeta.errors import ProviderError
from drivemeta.runtime.providers import ORT_ERRORS, SessionOptions, create_session
from drivemeta.runtime.replay import Replay

OUTPUTS = ("boxes", "scores", "labels", "count")
_ON_GPU = ("tensorrt", "cuda")


@dataclass(frozen=True, eq=False)
class Held:
    """Arrays that lie where a session reads them; made by `Session.place`, and never changed.

    Attributes:
        arrays: Arrays as they were given, by the input's name.
        values: Arrays on the session's device; none where calls are replayed.
    """

    arrays: Mapping[str, NDArray[Any]]
    values: Mapping[str, ort.OrtValue]


NOTHING = Held({}, {})


class Session:
    """A session whose optional inputs stay where they were put.

    On a GPU the held arrays are copied to the device once, and each run binds them, the frames and
    the outputs (I/O binding), so that only frames go up and only rows come down. Any number of
    threads may run it, each with arrays of its own or shared ones. With
    `options.device.cuda_graph`, calls are replayed: see `runtime.replay`.

    Args:
        model: Serialised ONNX model.
        options: Options of the session.
        outputs: Names of the outputs wanted.

    Attributes:
        provider: Short name of the provider that really runs.
    """

    def __init__(
        self, model: bytes, options: SessionOptions, outputs: tuple[str, ...] = OUTPUTS
    ) -> None:
        self._outputs = outputs
        self._session, self.provider = create_session(model, options)
        self._device = "cuda" if self.provider in _ON_GPU else "cpu"
        self._index = options.device.device
        self._replay: Replay | None = None
        if options.device.cuda_graph and self._device == "cuda":
            self._replay = Replay(self._session, outputs, self._device, self._index)

    def place(self, arrays: Mapping[str, NDArray[Any]]) -> Held:
        """Return arrays, by the input's name, laid where `run` takes them from."""
        values: dict[str, ort.OrtValue] = {}
        for name, array in arrays.items() if self._replay is None else ():
            # The counts say how many rows are in use: shapes, which ONNX Runtime wants on the CPU.
            device = "cpu" if name.endswith("_count") else self._device
            values[name] = ort.OrtValue.ortvalue_from_numpy(
                np.ascontiguousarray(array), device, self._index if device == "cuda" else 0
            )
        return Held(dict(arrays), values)

    def run(
        self,
        frames: NDArray[np.uint8],
        feeds: Mapping[str, NDArray[Any]],
        held: Held = NOTHING,
    ) -> tuple[NDArray[Any], ...]:
        """Run a batch.

        Args:
            frames: (N, H, W, 3) uint8 BGR.
            feeds: Further inputs of this run only.
            held: Inputs that lie ready; those in `feeds` come before them.

        Returns:
            The outputs wanted, each with a leading axis of length N.

        Raises:
            ProviderError: it fails, for want of memory for instance.
        """
        try:
            return self._run(frames, feeds, held)
        except ORT_ERRORS as error:
            raise ProviderError(
                f"provider {self.provider!r} failed on {frames.shape[0]} frames of "
                f"{frames.shape[1]}x{frames.shape[2]}: {error}"
            ) from error

    def _run(
        self, frames: NDArray[np.uint8], feeds: Mapping[str, NDArray[Any]], held: Held
    ) -> tuple[NDArray[Any], ...]:
        if self._replay is not None:
            return self._replay.run(frames, {**held.arrays, **feeds})
        binding = self._session.io_binding()
        binding.bind_cpu_input("frames", np.ascontiguousarray(frames))
        for name, value in held.values.items():
            if name not in feeds:
                binding.bind_ortvalue_input(name, value)
        for name, array in feeds.items():
            # numpy arrays can be bound to true inputs only, not to optional ones
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))
        for name in self._outputs:
            binding.bind_output(name, "cpu")
        self._session.run_with_iobinding(binding)
        return tuple(binding.copy_outputs_to_cpu())

    def end_profiling(self) -> str:
        """Close the profile and return the path of its file."""
        path: str = self._session.end_profiling()
        return path
