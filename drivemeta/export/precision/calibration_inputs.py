"""What the two networks see of given frames: the inputs by which int8 is calibrated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from drivemeta.core import BankRows
from drivemeta.core.things import is_thing
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
        roots = _looked_at(parts, np.unique(parts.bank.dense.roots))
        rows = BankRows(
            np.zeros((len(roots), dim), np.float32), np.zeros(len(roots), np.float32), roots, roots
        )
        rule = parts.manifest.bank.model_copy(update={"mode": "baked"})
        bank = replace(parts.bank, crop=rows)
        size = parts.manifest.input
        model = assemble(parts.networks, bank, parts.scoring, size, rule)
        self._model = model

    def inputs(self, stem: str, frames: Sequence[Image]) -> Iterator[FlatImages]:
        """Yield what a network is fed for each frame; empty slots are left out.

        Args:
            stem: `level1` for (1, 3, h, w) images, `level2` or `things` for (k, 3, size, size)
                crops.
            frames: Frames.
        """
        run = _runner(self._model, input_of(self._model.graph, stem))
        for frame in frames:
            (images,) = run(frame[None], {})
            if stem != "level1":
                images = images[images.std(axis=(1, 2, 3)) > FLAT]
            if len(images):
                yield images


def _looked_at(parts: Parts, roots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the super-classes that the model has an embedding for."""
    things = is_thing(parts.bank.names, parts.scoring)[roots]
    has = np.where(things, parts.networks.things is not None, parts.networks.level2 is not None)
    return roots[has]


def _runner(model: onnx.ModelProto, name: str) -> Callable[..., tuple[FlatImages, ...]]:
    """Return what runs a model as far as one of its values, and no further."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    del cut.graph.output[:]
    cut.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return Session(cut.SerializeToString(), SessionOptions("cpu"), (name,)).run
