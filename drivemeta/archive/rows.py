"""The value of the archive: boxes of many frames as level 1 found them, with their embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray

HalfArray = NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class BoxRows:
    """Boxes of frames before any class bank names them; those of a frame stand best first.

    Attributes:
        frames: (n,) int64, the frame of each box, counted from 0 and in order.
        boxes: (n, 4) float32 xyxy in pixels of the frame as it was given.
        scores: (n,) float32, level 1's.
        finders: (n,) int64, the dense row of the base's bank that found it; see `BaseFacts`.
        quality: (n,) float32 in [0, 1], level 1's class-agnostic one.
        finder_scores: (n, n_finders) float32 in [0, 1], what each dense row says of its place.
        embeddings: (n, dim) float16 of level 2: by the network of things for things, by that of
            signs and lights for these; zero where it was not embedded.
        embedded: (n,) bool, whether it was.
        sharpness: (n,) float32, the standard deviation of the Laplacian of the crop as level 2
            sees it, in grey levels; 0 where it was not embedded.

    Raises:
        ValueError: the arrays do not fit together.
    """

    frames: NDArray[np.int64]
    boxes: FloatArray
    scores: FloatArray
    finders: NDArray[np.int64]
    quality: FloatArray
    finder_scores: FloatArray
    embeddings: HalfArray
    embedded: NDArray[np.bool_]
    sharpness: FloatArray

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1 or self.boxes.shape[1:] != (4,):
            raise ValueError(f"expected arrays of one length and boxes (n, 4), found {lengths}")

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.int64] | slice) -> BoxRows:
        """Select rows by a mask, by indices or by a slice."""
        return BoxRows(*(getattr(self, field.name)[index] for field in fields(self)))

    @classmethod
    def empty(cls, dim: int, n_finders: int) -> BoxRows:
        """Return no rows, of embeddings of a length and a number of finders."""
        none, words = np.zeros(0, np.float32), np.zeros(0, np.int64)
        return cls(
            words,
            np.zeros((0, 4), np.float32),
            none,
            words,
            none,
            np.zeros((0, n_finders), np.float32),
            np.zeros((0, dim), np.float16),
            np.zeros(0, np.bool_),
            none,
        )

    @classmethod
    def joined(cls, parts: Sequence[BoxRows]) -> BoxRows:
        """Return the rows of several values as one; each part's frames follow those before.

        Args:
            parts: One or more, each of one frame, numbered 0, or none of any: a part is a frame.
        """
        names = [field.name for field in fields(cls)][1:]
        frames = [np.full(len(part), i, np.int64) for i, part in enumerate(parts)]
        columns = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
        return cls(np.concatenate(frames), *columns)
