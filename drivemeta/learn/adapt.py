"""Few-shot adaptation: from a support set to a detector that knows its classes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from drivemeta.core import ClassBank
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError
from drivemeta.learn.branching import BranchLearning
from drivemeta.learn.calibration import HeldOut, calibrate, hold_out
from drivemeta.learn.capacity import within_capacity
from drivemeta.learn.choice import learner_for
from drivemeta.learn.evidence import Evidence, observe
from drivemeta.learn.hard_negatives import add_hard_negatives
from drivemeta.learn.new_classes import add_classes, parent_of_crops
from drivemeta.learn.rows import fit_rows
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.plugins.learner_protocols import Learner
from drivemeta.plugins.registry import default_registry

if TYPE_CHECKING:
    from drivemeta.export import ExportReport


@dataclass(frozen=True)
class ClassReport:
    """What was learnt of one class.

    Attributes:
        name: of the class.
        parent: the super-class it is found by, or None if level 1 learnt it as a new kind.
        shots: support boxes.
        found: how many of them the base proposes at IoU 0.5; None of crops, where it was not asked.
        threshold: least score at which it is reported.
        low_confidence: the threshold was set without held-out boxes or without scenes.
    """

    name: str
    parent: str | None
    shots: int
    found: int | None
    threshold: float
    low_confidence: bool


@dataclass(frozen=True, eq=False)
class Adapted:
    """An adapted detector and how it came about.

    Attributes:
        detector: the base with the new classes.
        support: what they were learnt from.
        learner: name of the method.
        learner_params: its parameters.
        classes: what was learnt of each class.
        seconds: that learning took.
        parents: super-class of each class, None for one that level 1 learnt whole.
        evidence: what the base saw in the support set.
        held: how each support box fared when it was held out.
        plugin: the learner itself, or what makes rows over the columns of its branch.
        base: the detector before, with the columns of the branch if there is one.
        parent: the super-class that was given for all, None to have it found out.
    """

    detector: TwoLevelDetector
    support: SupportSet
    learner: str
    learner_params: dict[str, Any]
    classes: tuple[ClassReport, ...]
    seconds: float
    parents: tuple[str | None, ...]
    evidence: Evidence
    held: HeldOut
    plugin: Learner
    base: TwoLevelDetector
    parent: str | None

    def export(self, path: str | Path, **options: Any) -> ExportReport:
        """Write the ONNX model; options are those of `drivemeta.export.export_detector`."""
        from drivemeta.export import export_detector  # noqa: PLC0415  (export imports onnx)

        return export_detector(
            self.detector,
            Path(path),
            learner=self.learner,
            learner_params=self.learner_params,
            support_digest=self.support.digest,
            **options,
        )


def adapt(  # noqa: PLR0913  (each is an option of the command)
    base: TwoLevelDetector,
    support: SupportSet,
    learner: str | Learner | None = None,
    *,
    parent: str | None = None,
    negatives: Sequence[Path] = (),
    exhaustive: bool = False,
    extend: bool = False,
) -> Adapted:
    """Teach a detector the classes of a support set; the base is not changed.

    Args:
        base: the detector to start from.
        support: annotated boxes of new classes; a class that the base has is extended.
        learner: name of a learner plugin, or one built with parameters of its own; by default
            chosen by the number of shots, see `learner_for`.
        parent: super-class of the new classes; by default, the one the base finds them by.
        negatives: images without any object of the new classes.
        exhaustive: every instance in the support frames is annotated.
        extend: boxes of a class that was adapted to before are added to it.

    Raises:
        PluginNotFoundError: no such learner.
        InputError: no such parent, or a class is there already and `extend` was not asked for.
    """
    started = time.perf_counter()
    learner = learner or learner_for(support, extensible=_was_adapted(base.bank))
    if isinstance(learner, str):
        plugin: Learner = default_registry().create("learner", learner)
    else:
        plugin = learner
    if not extend:
        _refuse_clashes(base.bank, support)
    if support.of_crops:
        parent = parent_of_crops(base, support, parent)
    evidence = observe(base, support, negatives, exhaustive=exhaustive)
    learning = BranchLearning(base, plugin, evidence)
    full = learning.without()
    bank, parents = learn_rows(
        full.base, full.learner, full.evidence, parent, of_crops=support.of_crops
    )
    held = hold_out(full, bank, parents, learning.without)
    bank = calibrate(bank, full.evidence, held, parents)
    return Adapted(
        full.base.with_(bank=bank),
        support,
        learner if isinstance(learner, str) else type(learner).__name__,
        dict(vars(plugin)),
        _report(bank, support, evidence),
        time.perf_counter() - started,
        tuple(parents),
        full.evidence,
        held,
        full.learner,
        full.base,
        parent,
    )


def learn_rows(
    base: TwoLevelDetector,
    learner: Learner,
    evidence: Evidence,
    parent: str | None,
    *,
    of_crops: bool = False,
) -> tuple[ClassBank, list[str | None]]:
    """Return the base's bank with the new classes and their rows, and the parent of each.

    Args:
        base: the detector before adaptation.
        learner: makes the rows of level 2.
        evidence: of the support frames.
        parent: super-class of the new classes, or None to find it out.
        of_crops: there are no scenes that level 1 could learn from.

    Raises:
        InputError: there is no such parent.
    """
    bank, parents = add_classes(base, evidence, parent, of_crops=of_crops)
    if getattr(learner, "needs_images", False):
        bank = fit_rows(bank, learner, base.level2, evidence.labelled, parents)
    else:  # the network is seen through its embeddings alone, which are there already
        bank = fit_rows(bank, learner, nn.Identity(), evidence.embedded, parents)
    return within_capacity(add_hard_negatives(bank, evidence, parents)), parents


def _was_adapted(bank: ClassBank) -> bool:
    return any(spec.origin == "novel" for spec in bank.classes)


def _refuse_clashes(bank: ClassBank, support: SupportSet) -> None:
    for spec in bank.classes:
        if spec.origin == "novel" and spec.name in support.classes:
            raise InputError(
                f"{support.dataset.source}: the class {spec.name!r} was adapted to before, from "
                f"{spec.shots} shots; name it otherwise, or add to it by --extend"
            )


def _report(bank: ClassBank, support: SupportSet, evidence: Evidence) -> tuple[ClassReport, ...]:
    reports = []
    for label, name in enumerate(support.classes):
        spec, own = bank.classes[bank.index(name)], evidence.labels == label
        n_found = int((evidence.found[own] > 0).sum())
        reports.append(
            ClassReport(
                name,
                spec.parent,
                int(own.sum()),
                None if support.of_crops else n_found,
                spec.threshold,
                spec.low_confidence,
            )
        )
    return tuple(reports)
