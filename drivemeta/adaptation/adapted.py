"""What an adaptation yields: a detector, what was learnt of each class, and how it came about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.branch_learning import RowLearning
from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.held_frames import HeldFrames
from drivemeta.adaptation.held_out import HeldOut
from drivemeta.core.html import html_table
from drivemeta.data.support import SupportSet
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.plugins.learner.protocol import Learner
from drivemeta.plugins.loaded import Loaded

if TYPE_CHECKING:
    from drivemeta.export.exporter import ExportReport


@dataclass(frozen=True, kw_only=True)
class ClassReport:
    """What was learnt of one class.

    Attributes:
        name: Name of the class.
        parent: Super-class that it is found by, None if level 1 learnt it as a new kind.
        reason: Why so, in a few words.
        shots: Number of boxes that it was learnt from, those of an earlier model included.
        added: Number of them in the support set.
        found: How many of these the base proposes at IoU 0.5; None of crops, which have no scene.
        threshold: Least score at which it is reported.
        low_confidence: Whether the threshold was set without held-out boxes or without scenes.
    """

    name: str
    parent: str | None
    reason: str
    shots: int
    added: int
    found: int | None
    threshold: float
    low_confidence: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class AdaptationRecord:
    """How an adaptation came about, for its report.

    Attributes:
        support: What the classes were learnt from.
        learner: Method, with its name and parameters.
        parent: Super-class that was given for all classes, None to have it found out.
        base: Detector before, with the columns of the branch if there is one.
        evidence: What that detector saw in the support set.
        rows: Learner that made the rows: the method itself, or one over the columns of its branch.
        parents: Super-class of each class, None for one that level 1 learnt whole.
        held: How each support box fared when it was held out.
        frames_held: What is found in some support frames, each held out in turn.
        seconds: Time that learning took.
        again: Function that learns again without some support boxes, see `RowLearning`.
    """

    support: SupportSet = field(repr=False)
    learner: Loaded[Learner]
    parent: str | None
    base: TwoLevelDetector = field(repr=False)
    evidence: Evidence = field(repr=False)
    rows: Learner = field(repr=False)
    parents: tuple[str | None, ...]
    held: HeldOut = field(repr=False)
    frames_held: HeldFrames = field(repr=False)
    seconds: float
    again: Callable[[NDArray[np.int64]], RowLearning] | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Adapted:
    """An adapted detector.

    Attributes:
        detector: Base with the new classes.
        classes: What was learnt of each class.
        record: How it came about.
    """

    detector: TwoLevelDetector = field(repr=False)
    classes: tuple[ClassReport, ...]
    record: AdaptationRecord = field(repr=False)

    def __str__(self) -> str:
        lines = [f"adapted by {self.record.learner.name} in {self.record.seconds:.1f} s"]
        for row in self.classes:
            kind = f"a kind of {row.parent}" if row.parent else "a new kind of object"
            doubt = " (low confidence)" if row.low_confidence else ""
            lines.append(
                f"{row.name}: {kind}, {row.shots} shots, threshold {row.threshold:.2f}{doubt}"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = ("class", "a kind of", "shots", "proposed by the base", "threshold", "confidence")
        rows = (
            (
                row.name,
                row.parent or "a new kind",
                row.shots,
                "" if row.found is None else f"{row.found} of {row.added}",
                f"{row.threshold:.2f}",
                "low" if row.low_confidence else "",
            )
            for row in self.classes
        )
        title = f"adapted by {self.record.learner.name} in {self.record.seconds:.1f} s"
        return html_table(head, rows, title)

    def export(self, path: str | Path, **options: Any) -> ExportReport:
        """Write the ONNX model; options are those of `drivemeta.export_detector`."""
        from drivemeta.export.exporter import export_detector  # noqa: PLC0415  (export imports onnx)

        return export_detector(
            self.detector,
            Path(path),
            learner=self.record.learner.name,
            learner_params=self.record.learner.json_params,
            support_digest=self.record.support.digest,
            **options,
        )
