"""The value that crosses every stage: what was found in one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray
from drivemeta.core.html import html_table

if TYPE_CHECKING:
    import supervision

Index = NDArray[np.bool_] | NDArray[np.int64] | slice


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects found in one frame, as arrays of one row an object.

    Attributes:
        boxes: (n, 4) float32, xyxy in pixels of the frame as it was given.
        scores: (n,) float32 in [0, 1].
        labels: (n,) int64, indices into `classes`.
        classes: Names of all classes the detector knows, in the order of the labels.

    Raises:
        ValueError: shapes, types or ranges do not fit together.

    >>> found = Detections.empty(("vehicle", "stop"))
    >>> len(found), found.names
    (0, [])
    """

    boxes: FloatArray
    scores: FloatArray
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.scores)
        found = {
            "boxes": (self.boxes.shape, self.boxes.dtype),
            "scores": (self.scores.shape, self.scores.dtype),
            "labels": (self.labels.shape, self.labels.dtype),
        }
        expected = {
            "boxes": ((n, 4), np.dtype(np.float32)),
            "scores": ((n,), np.dtype(np.float32)),
            "labels": ((n,), np.dtype(np.int64)),
        }
        for field, (shape, dtype) in expected.items():
            if found[field] != (shape, dtype):
                raise ValueError(
                    f"Detections.{field} must be {shape} {dtype}, "
                    f"found {found[field][0]} {found[field][1]}"
                )
        if n and not (self.labels.min() >= 0 and self.labels.max() < len(self.classes)):
            raise ValueError(
                f"Detections.labels must lie in 0..{len(self.classes) - 1}, "
                f"found {self.labels.min()}..{self.labels.max()}"
            )
        if not np.isfinite(self.boxes).all() or not np.isfinite(self.scores).all():
            raise ValueError("Detections hold a box or a score that is not finite")

    @classmethod
    def empty(cls, classes: tuple[str, ...]) -> Detections:
        """Return no detections of the given classes."""
        zeros = np.zeros((0, 4), np.float32)
        return cls(zeros, zeros[:, 0], np.zeros(0, np.int64), classes)

    @classmethod
    def from_supervision(
        cls, detections: supervision.Detections, classes: tuple[str, ...]
    ) -> Detections:
        """Convert from `supervision.Detections`; missing confidences count as 1."""
        n = len(detections)
        scores = detections.confidence if detections.confidence is not None else np.ones(n)
        labels = detections.class_id if detections.class_id is not None else np.zeros(n)
        return cls(
            np.asarray(detections.xyxy, np.float32).reshape(-1, 4),
            np.asarray(scores, np.float32),
            np.asarray(labels, np.int64),
            classes,
        )

    def to_supervision(self) -> supervision.Detections:
        """Convert to `supervision.Detections`, with names under `data["class_name"]`."""
        import supervision as sv  # noqa: PLC0415  (an optional view; core stays numpy only)

        data: dict[str, Any] = {"class_name": np.array(self.names, dtype=np.str_)}
        return sv.Detections(
            xyxy=self.boxes, confidence=self.scores, class_id=self.labels, data=data
        )

    def _repr_html_(self) -> str:
        rows = zip(self.names, self.scores, self.boxes, strict=True)
        cells = ((name, f"{score:.2f}", *np.round(box, 1)) for name, score, box in rows)
        return html_table(("class", "score", "x1", "y1", "x2", "y2"), cells)

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: Index) -> Detections:
        """Select rows by a mask, by indices or by a slice."""
        return Detections(self.boxes[index], self.scores[index], self.labels[index], self.classes)

    @property
    def names(self) -> list[str]:
        """The class name of each object."""
        return [self.classes[label] for label in self.labels]
