"""A detector of the user's own beside level 1, or in its place, in the form of dense output.

Its scores stand in columns of their own behind level 1's embedding: one for each super-class that
it finds, and a last one that is 1 at its places. A row of the class bank that names one of its
super-classes is 1 in that column and has the bias `APART`, which the column contains, so that its
logit is that of the detector's own score, and level 1's places, zero there, never pass. Rows that
level 1 finds are `-APART` in the last column, so that its own places never pass them. All else of
the score rule stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from drivemeta.core import BankRows
from drivemeta.core.boxes import FloatArray
from drivemeta.core.own import APART, OwnFacts
from drivemeta.core.score_rule import DenseArrays, sigmoid
from drivemeta.models.traced.session import session_of

LEAST = 1e-6  # of a score: its logit is finite


@dataclass(frozen=True, eq=False)
class OwnFinder:
    """A detector of the user's own.

    Attributes:
        graph: Graph from `x`, (N, 3, H, W) float32 RGB frames in 0..255, to boxes (N, A, 4) in
            frame pixels, quality (N, A) and embeddings (N, A, `facts.n_columns`).
        facts: What is known of it.
    """

    graph: onnx.GraphProto
    facts: OwnFacts

    def dense(self, image: NDArray[np.uint8]) -> DenseArrays:
        """Return what it finds in a (height, width, 3) uint8 BGR image, boxes in its pixels."""
        planes = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)[None], np.float32)
        boxes, quality, embeddings = self._session.run(None, {"x": planes})
        return DenseArrays(boxes[0], quality[0], embeddings[0])

    def scores(self, dense: DenseArrays) -> FloatArray:
        """Return the (A, n) scores of its super-classes from what `dense` returned."""
        return sigmoid(np.float32(self.facts.scale) * (dense.embeddings[:, :-1] - APART))

    def joined(self, ours: DenseArrays, image: NDArray[np.uint8], scale: float) -> DenseArrays:
        """Return level 1's output for an image with its own behind.

        Args:
            ours: Level 1's output, boxes in pixels of its input; of no place if it is alone.
            image: (height, width, 3) uint8 BGR.
            scale: Input pixels of level 1 per frame pixel.
        """
        own, n = self.dense(image), self.facts.n_columns
        dim = ours.embeddings.shape[1]
        return DenseArrays(
            np.concatenate([ours.boxes, (own.boxes * np.float32(scale)).astype(np.float32)]),
            np.concatenate([ours.quality, own.quality]),
            np.concatenate(
                [
                    np.pad(ours.embeddings, ((0, 0), (0, n))),
                    np.pad(own.embeddings, ((0, 0), (dim, 0))),
                ]
            ),
        )

    def found(self, joined: DenseArrays) -> NDArray[np.bool_]:
        """Return which (A,) places of what `joined` returned are its own."""
        mine: NDArray[np.bool_] = joined.embeddings[:, -1] == 1
        return mine

    def rows(self, names: tuple[str, ...], dim: int) -> BankRows:
        """Return its rows of a bank of the classes named, behind `dim` columns of level 1."""
        labels = np.array([names.index(name) for name in self.facts.finds], np.int64)
        weights = np.eye(len(labels), dim + self.facts.n_columns, dim, dtype=np.float32)
        return BankRows(weights, np.full(len(labels), APART, np.float32), labels, labels)

    def beside(self, rows: BankRows) -> BankRows:
        """Return rows of level 1 as they stand in a bank beside its own."""
        weights = np.pad(rows.weights, ((0, 0), (0, self.facts.n_columns)))
        weights[:, -1] = -APART
        return BankRows(weights, rows.biases, rows.owners, rows.roots)

    def of_level1(self, rows: BankRows) -> BankRows:
        """Return the rows of a bank that level 1 finds, in its columns alone."""
        mine = rows.weights[:, -1] == -APART
        weights = rows.weights[mine, : rows.weights.shape[1] - self.facts.n_columns]
        return BankRows(weights, rows.biases[mine], rows.owners[mine], rows.roots[mine])

    @cached_property
    def _session(self) -> ort.InferenceSession:
        return session_of(self.graph)
