"""One evaluation of a model, as `drivemeta eval` prints it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from drivemeta.data.dataset import Dataset
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import score_detections
from drivemeta.evaluation.inference import Detector, detect_all
from drivemeta.evaluation.operating_point import operating_points


class ReportingDetector(Detector, Protocol):
    """A detector that says which execution provider it runs on."""

    @property
    def provider(self) -> str:
        """The provider that really runs."""


def evaluate_model(
    detector: ReportingDetector,
    truth: Dataset,
    tree: ClassTree,
    fps: float | None = None,
    on_image: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Return AP50 of groups, the scores of classes, images, seconds and provider.

    Args:
        detector: Detector to evaluate.
        truth: Annotated images; their classes are classes of the model.
        tree: Classes of the model.
        fps: Frames a second; if given, the operating points at the model's thresholds are added,
            with false alarms a minute at this frame rate; this takes a second pass.
        on_image: Function called once for each image done, in each pass.
    """
    started = time.perf_counter()
    found = detect_all(detector, truth, on_image=on_image)
    report = score_detections(truth, found, tree).to_json()
    if fps is not None:
        used = detect_all(detector, truth, min_score=None, on_image=on_image)
        report["operating_points"] = operating_points(truth, used, tree, fps)
    report["seconds"] = round(time.perf_counter() - started, 3)
    report["provider"] = detector.provider
    return report
