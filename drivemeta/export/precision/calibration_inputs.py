"""What the two networks see of given frames: the inputs by which int8 is calibrated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from drivemeta.core import BankRows
from drivemeta.export.disassemble import input_of
from drivemeta.export.graph.assemble import assemble
from drivemeta.export.parts import Parts
from drivemeta.runtime.providers import SessionOptions
from drivemeta.runtime.session import Session

Image = NDArray[np.uint8]
FlatImages = NDArray[np.float32]
FLAT = 1e-4  # standard deviation of a crop that shows nothing: of an empty slot


class Eyes:
    """Runs the preparation of a model and level 1, and gives what each network is fed.

    Crops are cut for boxes of every super-class, not only of those that have leaves now: another
    bank may name them later.

    Args:
        parts: Parts of the model, in float32.
    """

    def __init__(self, parts: Parts) -> None:
        dim = parts.bank.crop.weights.shape[1]
        roots = np.unique(parts.bank.dense.roots)
        rows = BankRows(
            np.zeros((len(roots), dim), np.float32), np.zeros(len(roots), np.float32), roots, roots
        )
        rule = parts.manifest.bank.model_copy(update={"mode": "baked"})
        bank = replace(parts.bank, crop=rows)
        size = parts.manifest.input
        model = assemble(parts.networks, bank, parts.scoring, size, rule)
        if parts.networks.level1 is not None:
            self._images = _runner(model, input_of(model.graph, "level1"))
        self._crops = _runner(model, input_of(model.graph, "level2"))

    def images(self, frames: Sequence[Image]) -> Iterator[FlatImages]:
        """Yield level 1's input for each frame, (1, 3, h, w)."""
        for frame in frames:
            yield self._images(frame[None], {})[0]

    def crops(self, frames: Sequence[Image]) -> Iterator[FlatImages]:
        """Yield level 2's input for each frame, (k, 3, 64, 64); empty slots are left out."""
        for frame in frames:
            (crops,) = self._crops(frame[None], {})
            seen = crops.std(axis=(1, 2, 3)) > FLAT
            if seen.any():
                yield crops[seen]


def _runner(model: onnx.ModelProto, name: str) -> Callable[..., tuple[FlatImages, ...]]:
    """Return what runs a model as far as one of its values, and no further."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    del cut.graph.output[:]
    cut.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return Session(cut.SerializeToString(), SessionOptions("cpu"), (name,)).run
