"""Few-shot adaptation: from a support set to a detector that knows its classes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from drivemeta.adaptation.adapted import AdaptationRecord, Adapted, ClassReport
from drivemeta.adaptation.branch_learning import BranchLearning
from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.held_frames import hold_frames_out
from drivemeta.adaptation.held_out import hold_out
from drivemeta.adaptation.learner_choice import EXTENSIBLE, learner_for
from drivemeta.adaptation.new_classes import parent_of_crops
from drivemeta.adaptation.observation import observe
from drivemeta.adaptation.parent_choice import parents_of, reason_of
from drivemeta.adaptation.row_learning import learn_rows
from drivemeta.adaptation.thing_columns import columns_of
from drivemeta.adaptation.thing_layer import ThingLayerLearning
from drivemeta.adaptation.thing_views import see_things, things_among
from drivemeta.adaptation.thresholds import (
    calibrate,
    calibrate_by_frames,
    judged_by_frames,
    sure_where_untried,
)
from drivemeta.banks.contrast import adopted_kind
from drivemeta.core import ClassBank
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError
from drivemeta.models.detector import TwoLevelDetector, fitted_to
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.plugins.learner.protocol import BranchLearner, Learner
from drivemeta.plugins.loaded import Loaded
from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.plugins.settings import check_settings


def adapt(  # noqa: PLR0913  (each is an option of the command)
    base: TwoLevelDetector,
    support: SupportSet,
    learner: str | Learner | None = None,
    *,
    parent: str | None = None,
    negatives: Sequence[Path] = (),
    exhaustive: bool = False,
    extend: bool = False,
    input_size: tuple[int, int] | None = None,
    learner_weights: Path | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    registry: Registry | None = None,
    networks: FixedNetworks | None = None,
    on_rows: Callable[[ClassBank], None] | None = None,
) -> Adapted:
    """Teach a detector the classes of a support set; the base is not changed.

    Args:
        base: Detector to start from.
        support: Annotated boxes of new classes; a class that the base has is extended.
        learner: Name of a learner plugin, or one that is built already; by default chosen by the
            number of shots, see `learner_for`. The exported file names it as its manifest does, or
            as its class is called, in lower case, where no manifest names that class.
        parent: Super-class of the new classes, or `none` for new kinds of object; by default, the
            one the base finds them by, if it does.
        negatives: Images without any object of the new classes.
        exhaustive: Whether every instance in the support frames is annotated.
        extend: Whether boxes of a class that was adapted to before are added to it.
        input_size: Height and width that frames are fitted into, multiples of 64, for a quicker
            model or one that sees further; the detector's by default. Thresholds hold for it, so
            that a model that was adapted before keeps its own.
        learner_weights: File that `drivemeta metatrain` wrote over the detector's level 2, for the
            learner to start from in place of what lies beside it.
        settings: Parameters of the learner by its name, such as `{"protonet": {"scale": 10}}`.
        registry: Plugins that the learner is found among; those of `default_registry` by default.
        networks: Networks of the base, for whoever adapts again and again; its own by default.
        on_rows: Function that gets the new bank as soon as its rows are learnt; its thresholds are
            not set yet.

    Raises:
        PluginNotFoundError: no such learner.
        InputError: no such parent; a class is there already and `extend` was not set; the
            input size cannot be; the learner starts from no weights; or a setting does not fit it.
        ModelFileError: the learner's weights are damaged, or of something else.
    """
    started = time.perf_counter()
    base = _of_size(base, input_size)
    registry, settings = registry or default_registry(), settings or {}
    usual = learner_for(support, extensible=_was_adapted(base.bank))
    plugin = _plugin_of(learner or usual, settings, registry)
    parent = _checked_parent(base, support, parent, extend=extend)
    evidence = observe(base, support, negatives, exhaustive=exhaustive, networks=networks)
    parents = parents_of(base.bank, evidence, parent, base.scoring)
    if things_among(parents, base.scoring).any():
        if learner is None:
            plugin = _plugin_of(EXTENSIBLE, settings, registry)
        evidence = see_things(base, evidence, parents)
    learning = _learning(base, plugin, evidence, parents, learner_weights)
    return _learnt(learning, plugin, support, parent, parents, started, on_rows)


def _learning(
    base: TwoLevelDetector,
    plugin: Loaded[Learner],
    evidence: Evidence,
    parents: tuple[str | None, ...],
    weights: Path | None,
) -> BranchLearning | ThingLayerLearning:
    changes_layers = isinstance(plugin.object, BranchLearner) and plugin.object.has_branch
    if changes_layers and things_among(parents, base.scoring).any():
        return ThingLayerLearning(base, plugin, evidence, parents, weights)
    return BranchLearning(base, plugin, evidence, weights)


def _learnt(  # noqa: PLR0913  (what one adaptation is made of)
    learning: BranchLearning | ThingLayerLearning,
    plugin: Loaded[Learner],
    support: SupportSet,
    asked: str | None,
    parents: tuple[str | None, ...],
    started: float,
    on_rows: Callable[[ClassBank], None] | None,
) -> Adapted:
    """Learn rows, hold boxes out, set thresholds; return the detector and how it came about."""
    full = learning.without()
    bank = learn_rows(full.base, full.learner, full.evidence, parents, of_crops=support.of_crops)
    if on_rows is not None:
        on_rows(bank)
    held = hold_out(full, bank, parents, learning.without)
    bank = calibrate(bank, full.evidence, held, parents, full.base.bank)
    frames = hold_frames_out(full, parents)
    judged = judged_by_frames(full.base, support, parents)
    bank = calibrate_by_frames(bank, support, frames, judged)
    bank = sure_where_untried(bank, full.base.bank, support, frames, judged)
    record = AdaptationRecord(
        support=support,
        learner=plugin,
        parent=asked,
        base=full.base,
        evidence=full.evidence,
        rows=full.learner,
        parents=parents,
        held=held,
        frames_held=frames,
        seconds=time.perf_counter() - started,
        again=full.again,
    )
    return Adapted(full.base.with_(bank=bank), _report(bank, record), record)


def _plugin_of(
    learner: str | Learner, settings: Mapping[str, Mapping[str, Any]], registry: Registry
) -> Loaded[Learner]:
    """Build a learner that is named, or find out who one is that is built already."""
    if not isinstance(learner, str):
        if settings:
            raise InputError(
                f"settings of {', '.join(settings)}: expected a learner by name, found one that is "
                f"built already, a {type(learner).__name__}; set its parameters when you build it"
            )
        return registry.identify("learner", learner)
    check_settings(settings, [learner])
    return registry.build("learner", learner, **settings.get(learner, {}))


def _checked_parent(
    base: TwoLevelDetector, support: SupportSet, parent: str | None, *, extend: bool
) -> str | None:
    """Refuse classes that cannot be added; return the super-class for all, None to find it out."""
    if not extend:
        _refuse_clashes(base.bank, support)
    return parent_of_crops(base, support, parent) if support.of_crops else parent


def _of_size(base: TwoLevelDetector, input_size: tuple[int, int] | None) -> TwoLevelDetector:
    """Return the base for the size wanted; the thresholds of classes it learnt hold for one size.

    Raises:
        InputError: the size cannot be, or classes were learnt at another one.
    """
    if input_size is None or input_size == base.input_size:
        return base
    if _was_adapted(base.bank):
        height, width = base.input_size
        raise InputError(
            f"the model was adapted at the input size {height}x{width}, for which its thresholds "
            "hold; add to it at that size, or adapt to all classes anew at another"
        )
    return fitted_to(base, input_size)


def _was_adapted(bank: ClassBank) -> bool:
    return any(spec.origin == "novel" for spec in bank.classes)


def _refuse_clashes(bank: ClassBank, support: SupportSet) -> None:
    for spec in bank.classes:
        if spec.origin == "novel" and spec.name in support.classes:
            raise InputError(
                f"{support.dataset.source}: the class {spec.name!r} was adapted to before, from "
                f"{spec.shots} shots; name it otherwise, or add to it by --extend"
            )


def _report(bank: ClassBank, record: AdaptationRecord) -> tuple[ClassReport, ...]:
    return tuple(_class_report(bank, record, label) for label in range(len(record.parents)))


def _class_report(bank: ClassBank, record: AdaptationRecord, label: int) -> ClassReport:
    support, evidence, before = record.support, record.evidence, record.base.bank
    name, own = support.classes[label], evidence.boxes.labels == label
    spec, n_found = bank.classes[bank.index(name)], int((evidence.boxes.found[own] > 0).sum())
    reason = reason_of(before, evidence, label, record.parent, record.parents)
    things = columns_of(evidence)
    if kind := adopted_kind(bank, name, things.store, things.first):
        reason += f"; the {kind} that ships is part of it"
    if record.base.own is not None and spec.parent is None:
        reason += "; DriveMeta's level 1 finds it"
    return ClassReport(
        name=name,
        parent=spec.parent,
        reason=reason,
        shots=spec.shots,
        added=int(own.sum()),
        found=None if support.of_crops else n_found,
        threshold=spec.threshold,
        low_confidence=spec.low_confidence,
    )
