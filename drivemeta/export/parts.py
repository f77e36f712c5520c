"""An exported file written anew: with another bank, precision or frame size; torch is not needed.

The networks are those of the file. The probe keeps its picture; what is to be found in it is what
the new model finds on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from drivemeta.banks.arrays import check_capacity
from drivemeta.core import ClassBank
from drivemeta.core.scoring import Scoring
from drivemeta.errors import ParityError
from drivemeta.export.disassemble import networks_of
from drivemeta.export.graph.assemble import Networks, assemble
from drivemeta.export.model_writer import signed, write_model
from drivemeta.runtime import manifest as m
from drivemeta.runtime.model_file import ModelFile, bank_of
from drivemeta.runtime.probe import (
    BOX_TOLERANCE_PX,
    MIN_PROBE_ROWS,
    SCORE_TOLERANCE,
    Probe,
    RowArrays,
    clear_thresholds,
    compare_rows,
)
from drivemeta.runtime.providers import SessionOptions
from drivemeta.runtime.session import Session

Find = Callable[[float], RowArrays]
# Of its tolerance, what a probe may use up where it is written: other machines need the rest.
WRITTEN_WITHIN = 0.75


@dataclass(frozen=True, eq=False)
class Parts:
    """What a model is assembled from.

    Attributes:
        networks: Both graphs.
        bank: Classes and rows.
        scoring: Constants of the score rule.
        manifest: Manifest of the model; classes and the graph's digest are put in anew.
        probe: Probe, whose picture is kept.
    """

    networks: Networks
    bank: ClassBank
    scoring: Scoring
    manifest: m.Manifest
    probe: Probe

    @classmethod
    def of(cls, file: ModelFile) -> Parts:
        """Take a file apart.

        Raises:
            ModelFileError: it is not laid out as this version writes it.
        """
        constants = file.manifest.constants
        return cls(networks_of(file), bank_of(file), constants, file.manifest, file.probe())

    def with_rules(
        self,
        *,
        mode: Literal["fed", "baked"] | None = None,
        frame_size: tuple[int, int] | None = None,
    ) -> Parts:
        """Return the parts of a model of another bank mode, or for frames of one size."""
        bank, size = self.manifest.bank, self.manifest.input
        changed: dict[str, Any] = {
            "bank": bank.model_copy(update={"mode": mode or bank.mode}),
            "input": size.model_copy(update={"frame_size": frame_size or size.frame_size}),
        }
        return replace(self, manifest=self.manifest.model_copy(update=changed))

    def build(self) -> onnx.ModelProto:
        """Return the graph, its metadata still empty.

        Raises:
            InputError: the bank exceeds its capacity.
        """
        rule = self.manifest.bank
        if rule.mode == "fed":
            check_capacity(self.bank, rule.capacity)
        return assemble(self.networks, self.bank, self.scoring, self.manifest.input, rule)


def write_parts(
    parts: Parts,
    path: str | Path,
    tolerance: tuple[float, float] = (BOX_TOLERANCE_PX, SCORE_TOLERANCE),
    original: Parts | None = None,
) -> bytes:
    """Assemble a model, make its probe anew and write it; return its bytes.

    Args:
        parts: Parts of the model.
        path: File to write; it appears whole or not at all.
        tolerance: Tolerance of the probe, in pixels and score.
        original: Parts of the float32 model that it was made from: the probe promises what that
            one finds, and not whatever the new one does.

    Raises:
        InputError: the bank exceeds its capacity.
        ParityError: the model finds too little in its probe's picture, or not what the original
            finds there.
        OutputError: the file cannot be written.
    """
    model, own = parts.build(), parts.manifest.own
    manifest = parts.manifest.model_copy(
        update={
            "classes": m.class_entries(parts.bank),
            "scoring": asdict(parts.scoring),
            "own": own and own.named_by(parts.bank),
        }
    )
    image = _fitted(parts.probe.image(), manifest.input.frame_size)
    find = _finder(model, manifest, image)
    promise = find if original is None else _finder(original.build(), manifest, image)
    probe = _probe(image, promise, find, tolerance)
    return write_model(model, signed(manifest, model), probe, Path(path))


def _finder(model: onnx.ModelProto, manifest: m.Manifest, image: NDArray[np.uint8]) -> Find:
    """Return what gives a model's rows in a picture on the CPU, by one threshold for all."""
    session = Session(model.SerializeToString(), SessionOptions("cpu"))

    def find(min_score: float) -> RowArrays:
        feeds = {"thresholds": np.full(manifest.n_thresholds, min_score, np.float32)}
        boxes, scores, labels, count = (out[0] for out in session.run(image[None], feeds))
        return RowArrays(boxes[:count], scores[:count], labels[:count])

    return find


def _probe(
    image: NDArray[np.uint8], promise: Find, find: Find, tolerance: tuple[float, float]
) -> Probe:
    """Return the probe of what is promised, at the clearest threshold at which it is found.

    Raises:
        ParityError: too little is promised, or it is not found at any threshold.
    """
    thresholds = clear_thresholds(promise(0.0).scores)
    if not thresholds:
        raise ParityError(
            f"the changed model finds fewer than {MIN_PROBE_ROWS + 1} boxes in its probe's "
            "picture; nothing was written"
        )
    near = (WRITTEN_WITHIN * tolerance[0], WRITTEN_WITHIN * tolerance[1])
    for threshold in thresholds:
        rows = promise(threshold)
        if promise is find or not compare_rows(rows, find(threshold), near).n_unmatched:
            return Probe.make(image, threshold, rows, tolerance)
    raise ParityError(
        f"the changed model does not find in its probe's picture what the model before finds, to "
        f"{near[0]:.2g} px and {near[1]:.2g} of score at any threshold; nothing was written; "
        "calibrate int8 on more frames like those to come, or choose another precision"
    )


def _fitted(image: NDArray[np.uint8], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Return the picture, repeated and cut where the model takes one height and width only."""
    if size is None or image.shape[:2] == tuple(size):
        return image
    times = [-(-wanted // there) for wanted, there in zip(size, image.shape, strict=False)]
    return np.ascontiguousarray(np.tile(image, (*times, 1))[: size[0], : size[1]])
