"""What a layout plugin must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from drivemeta.plugins.layout.signature import Signature
    from drivemeta.plugins.layout.way import Way

Arrays = Mapping[str, NDArray[Any]]
Found = tuple[NDArray[np.float32], NDArray[np.float32]]


class Graph(Protocol):
    """An ONNX graph of opset 18 that is built; values are names, constants numbers or arrays."""

    def __getattr__(self, op_type: str) -> Callable[..., str]:
        """Return a function that adds an operator of one output: `g.Add(x, 1.0)`."""

    def many(self, op_type: str, n_outputs: int, *inputs: Any, **attributes: Any) -> Sequence[str]:
        """Add an operator of several outputs."""

    def cast(self, value: Any, dtype: type[np.generic]) -> str:
        """Add a conversion to float32 or int64."""


class DetectorLayout(Protocol):
    """How one family of detectors takes frames and gives boxes."""

    def example(self) -> Signature:
        """Return what a file of this layout looks like from outside."""

    def recognise(self, file: Signature) -> Sequence[Way]:
        """Return the ways in which a file can be read, the usual one first; none if it is other.

        The metadata is believed first, then names, then types, then shapes; a tensor is never
        known by its shape alone.
        """

    def decode(self, g: Graph, way: Way, outputs: Mapping[str, str]) -> tuple[str, str]:
        """Add what makes boxes and scores of the outputs.

        Args:
            g: Graph that is built.
            way: Way to read the file.
            outputs: Values by the output's name, floats as float32; of a file without a batch axis
                those of one frame.

        Returns:
            Boxes, (N, A, 4) float32 xyxy in pixels of the network's image, and scores in [0, 1],
            (N, A, n_slots) float32.
        """

    def decode_arrays(self, way: Way, outputs: Arrays) -> Found:
        """Return the same in numpy for one frame, (A, 4) and (A, n_slots)."""
