"""From frames to rows: the base's networks on ONNX Runtime, without a class bank and torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.archive.base_facts import BaseFacts
from drivemeta.archive.rows import BoxRows
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import sigmoid
from drivemeta.errors import InputError, ModelFileError
from drivemeta.export.looking import looking_model
from drivemeta.runtime.model_file import read_model_file
from drivemeta.runtime.providers import AUTO, SessionOptions
from drivemeta.runtime.session import Session
from drivemeta.shipped import base_onnx

Image = NDArray[np.uint8]
# Below the thresholds of the shipped base and of most adapted classes: see docs/archive.md
LEAST_SCORE = 0.2
_OUTPUTS = (
    *("boxes", "scores", "finders", "quality", "finder_logits"),
    *("at", "embeddings", "sharpness"),
)


class Looker:
    """The base's networks, ready to look at frames.

    Args:
        base: Exported base, or a model adapted from it; None for the shipped base.
        provider: Provider of ONNX Runtime, see `OnnxDetector`.
        threads: Threads of the CPU for one operator, or None for ONNX Runtime's choice.
        least_score: Level 1's score from which boxes are kept, above 0.

    Attributes:
        facts: What is known of the base, by which models fit the rows.
        provider: Short name of the provider that really runs.

    Raises:
        InputError: the least score is none.
        ModelFileError: the base is damaged, or lacks a network.
        ProviderError: the provider does not run.

    >>> import numpy as np
    >>> looker = Looker()  # doctest: +SKIP
    >>> (rows,) = looker([np.zeros((720, 1280, 3), np.uint8)])  # doctest: +SKIP
    """

    def __init__(
        self,
        base: str | Path | None = None,
        *,
        provider: str = AUTO,
        threads: int | None = None,
        least_score: float = LEAST_SCORE,
    ) -> None:
        checked_score(least_score)
        file = read_model_file(base_onnx() if base is None else base)
        self.path = file.path
        self.facts = BaseFacts.of(file, least_score)
        self._size = file.manifest.input.frame_size
        data = looking_model(file, least_score)
        self._session = Session(data, SessionOptions(provider, threads=threads), _OUTPUTS)
        self.provider = self._session.provider

    def __call__(self, frames: Sequence[Image]) -> list[BoxRows]:
        """Look at frames.

        Args:
            frames: Frames, each (height, width, 3) uint8 BGR; those of one size run as one batch.

        Returns:
            The rows of each frame, whose frame is numbered 0; see `BoxRows.joined`.

        Raises:
            InputError: a frame is no uint8 BGR image.
            ModelFileError: the networks give what are no numbers.
            ProviderError: the provider fails.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for i, frame in enumerate(frames):
            if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
                raise InputError(
                    f"frame {i}: expected (height, width, 3) uint8 BGR, found {frame.shape} "
                    f"{frame.dtype}"
                )
            groups.setdefault(frame.shape, []).append(i)
        found: dict[int, BoxRows] = {}
        for members in groups.values():
            outputs = self._session.run(np.stack([frames[i] for i in members]), {})
            found |= {i: self._rows(row, *outputs) for row, i in enumerate(members)}
        return [found[i] for i in range(len(frames))]

    def _rows(  # noqa: PLR0913  (the outputs of the graph)
        self,
        frame: int,
        boxes: FloatArray,
        scores: FloatArray,
        finders: NDArray[np.int64],
        quality: FloatArray,
        finder_logits: FloatArray,
        at: NDArray[np.int64],
        embeddings: FloatArray,
        sharpness: FloatArray,
    ) -> BoxRows:
        """Return the rows of one frame of a batch."""
        kept = np.flatnonzero(scores[frame] >= self.facts.least_score)
        mine = at[:, 0] == frame
        place = np.searchsorted(kept, at[mine, 1])
        vectors = np.zeros((len(kept), embeddings.shape[1]), np.float16)
        vectors[place] = embeddings[mine]
        looked, edges = np.zeros(len(kept), np.bool_), np.zeros(len(kept), np.float32)
        looked[place], edges[place] = True, sharpness[mine]
        if not (np.isfinite(boxes[frame, kept]).all() and np.isfinite(vectors).all()):
            raise ModelFileError(
                f"the networks of {self.path} find what are no numbers on provider "
                f"{self.provider!r}; verify it by `drivemeta verify`, or take another provider"
            )
        return BoxRows(
            np.zeros(len(kept), np.int64),
            boxes[frame, kept],
            scores[frame, kept],
            finders[frame, kept],
            sigmoid(quality[frame, kept]),
            sigmoid(finder_logits[frame, kept]),
            vectors,
            looked,
            edges,
        )


def checked_score(least_score: float) -> float:
    """Return a least score as it is.

    Raises:
        InputError: it is none between 0 and 1.
    """
    if not 0 < least_score < 1:
        raise InputError(f"expected a least score between 0 and 1, found {least_score}")
    return least_score
