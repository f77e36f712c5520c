"""Average precision before and after a change of precision, and how much of it may go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from drivemeta.data.dataset import Dataset
from drivemeta.errors import InputError, ParityError
from drivemeta.evaluation.classes import ClassTree, match_classes
from drivemeta.evaluation.run import evaluate_model
from drivemeta.runtime.detector import OnnxDetector

GROUPS = ("base", "novel")
MIN_BOXES = 20  # below, a box more or less moves AP50 by as much as is allowed


@dataclass(frozen=True, eq=False)
class GateData:
    """What average precision is measured on.

    Attributes:
        dataset: Annotated images.
        mapping: Classes by category, for those of other names.
        max_loss: Most points (hundredths) of AP50 that any group of classes may lose.
    """

    dataset: Dataset
    mapping: Mapping[str, str]
    max_loss: float = 1.0


@dataclass(frozen=True)
class GateReport:
    """AP50 of the groups, 0 to 1, None for a group without boxes.

    Attributes:
        images: Number of images measured on.
        before: AP50 of the float32 model.
        after: AP50 of the other.
        loss: Loss in points, by group.
    """

    images: int
    before: dict[str, float | None]
    after: dict[str, float | None]
    loss: dict[str, float]


def measure_gate(
    before: Path, after: Path, data: GateData, on_image: Callable[[], object] = lambda: None
) -> GateReport:
    """Measure AP50 of two models of the same classes on the same images, on the CPU.

    Raises:
        InputError: no class of the data is one of the model's, or too few boxes are.
    """
    first, second = (group_ap50(path, data, on_image) for path in (before, after))
    return loss_between(first, second, data.dataset)


def loss_between(
    before: dict[str, float | None], after: dict[str, float | None], dataset: Dataset
) -> GateReport:
    """Return the report of two measurements on one data set.

    Raises:
        InputError: neither group has a box.
    """
    loss = {
        group: round(100 * (first - second), 3)
        for group in GROUPS
        if (first := before[group]) is not None and (second := after[group]) is not None
    }
    if not loss:
        raise InputError(f"{dataset.source}: no box of a class of the model to measure AP on")
    return GateReport(len(dataset), before, after, loss)


def judge(report: GateReport, max_loss: float) -> None:
    """Refuse a loss beyond what is allowed.

    Raises:
        ParityError: some group lost more.
    """
    worst = max(report.loss, key=lambda group: report.loss[group])
    if report.loss[worst] > max_loss:
        raise ParityError(
            f"AP50 of the {worst} classes falls by {report.loss[worst]:.2f} points "
            f"({100 * (report.before[worst] or 0):.2f} to {100 * (report.after[worst] or 0):.2f}, "
            f"{report.images} images), at most {max_loss:g} are allowed; nothing was written. "
            "Calibrate on more frames like those of the data (--frames), or allow more (--max-loss)"
        )


def group_ap50(
    path: Path, data: GateData, on_image: Callable[[], object] = lambda: None
) -> dict[str, float | None]:
    """Return AP50 of a model's base, novel and all classes, on the CPU."""
    detector = OnnxDetector(path, provider="cpu")
    tree = ClassTree.of(detector.manifest.classes)
    mapping = match_classes(data.dataset, tree, dict(data.mapping))
    truth = data.dataset.map_classes(mapping, [n for n in tree.names if n in mapping.values()])
    n_boxes = sum(truth.n_boxes().values())
    if n_boxes < MIN_BOXES:
        raise InputError(
            f"{data.dataset.source}: expected at least {MIN_BOXES} boxes of the model's classes to "
            f"measure average precision on, found {n_boxes}"
        )
    ap50: dict[str, float | None] = evaluate_model(detector, truth, tree, None, on_image)["ap50"]
    return ap50
