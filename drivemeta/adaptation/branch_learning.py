"""Learners that change layers of level 2, or score otherwise than by cosine: their novel branch.

Such a learner is given the features before level 2's last layer. What it makes of them stands as
further columns beside the embedding, which itself stays as it is (`models/branch.py`). From then on
a detector with a branch is one like any other: rows of a bank, only wider.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from drivemeta.adaptation.branch_rows import BranchRows, OwnRows
from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.learner_weights import Initialisation
from drivemeta.core.boxes import FloatArray
from drivemeta.errors import InputError, PluginError
from drivemeta.models.branch import Branched, has_branch, own_dim, widened
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import Level2
from drivemeta.models.traced.features import Level2Features
from drivemeta.models.traced.fixed import WithColumns
from drivemeta.plugins.calling import Calling
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.plugins.learner.protocol import BranchClassifier, BranchLearner, Learner
from drivemeta.plugins.loaded import Loaded


@dataclass(frozen=True, eq=False)
class RowLearning:
    """A detector, what it saw, and the learner, with the columns of the branch if there is one.

    Attributes:
        base: Detector that classes are added to.
        evidence: What is seen in the support frames, as that detector embeds it.
        learner: Learner that makes rows of these embeddings.
        again: Function that learns again without some support boxes, where not only rows do.
    """

    base: TwoLevelDetector
    evidence: Evidence
    learner: Learner
    again: Callable[[NDArray[np.int64]], RowLearning] | None = None


class BranchLearning:
    """Learns the branch of one support set, and again for each fold that is held out.

    Args:
        base: Detector before; its level 2 stays as it is.
        plugin: Any learner; one without a branch leaves all as it was, and its rows lie in the
            base's own columns if the base has a branch already.
        evidence: What the base sees in the support frames.
        weights: File that the learner starts from, see `Initialisation.of`.

    Raises:
        InputError: the learner makes a branch, and the base has one already, or a level 2 of
            another kind; or it makes none, and weights are given.
        ModelFileError: the weights are damaged or of something else.
    """

    def __init__(
        self,
        base: TwoLevelDetector,
        plugin: Loaded[Learner],
        evidence: Evidence,
        weights: Path | None = None,
    ) -> None:
        self._name, learner = plugin.name, plugin.object
        self._plain = RowLearning(base, evidence, learner)
        self._has_branch = isinstance(learner, BranchLearner) and learner.has_branch
        if not self._has_branch:
            if weights is not None:
                raise InputError(
                    f"learner {self._name} makes no branch of level 2, so that it starts from no "
                    f"weights, found {weights}; expected one such as maml"
                )
            if has_branch(base.level2, base.things):
                self._plain = _beside_a_branch(base, learner, evidence)
            return
        refuse_second(plugin, base)
        assert isinstance(base.level2, Level2)
        self._plugin, self._features = plugin, Level2Features(base.level2)
        self._start = Initialisation.of(plugin, base.level2, weights)
        features, task = self._features, evidence.labelled
        self._task = replace(
            task,
            images=features(task.images),
            negatives=features(task.negatives),
            replay=torch.cat([torch.zeros(0, features.n_features), *self._start.replay.values()]),
        )
        self._held = features(evidence.boxes.crops)

    def without(self, boxes: NDArray[np.int64] | None = None) -> RowLearning:
        """Return what is learnt without some support boxes; they are embedded all the same.

        Raises:
            PluginError: the learner fails, or has no branch after all.
        """
        if not self._has_branch:
            return self._plain
        task = self._task if boxes is None else self._task.without_shots(boxes)
        return self._with(*fitted_branch(self._plugin, self._start, task))

    @torch.no_grad()
    def _with(self, classifier: BranchClassifier, branch: nn.Module) -> RowLearning:
        base, evidence = self._plain.base, self._plain.evidence
        assert isinstance(base.level2, Level2)
        dim, features = base.bank.crop.weights.shape[1], self._features

        def columns(crops: Tensor, own: FloatArray) -> Tensor:  # noqa: ARG001
            found: Tensor = branch(features(crops))
            return found

        held, own = branch(self._held).numpy(), evidence.boxes.embeddings
        wide = base.with_(
            level2=Branched(base.level2, branch), bank=widened(base.bank, held.shape[1])
        ).eval()
        embedded = replace(
            evidence.embedded,
            images=torch.cat([evidence.embedded.images, branch(self._task.images)], 1),
            negatives=torch.cat([evidence.embedded.negatives, branch(self._task.negatives)], 1),
        )
        seen = replace(
            evidence,
            embedded=embedded,
            boxes=replace(evidence.boxes, embeddings=np.concatenate([own, held], 1)),
            networks=WithColumns(wide, evidence.networks, columns, things=False),
            compared=(dim, None) if isinstance(branch, LastLayer) else (0, dim),
        )
        rows = BranchRows(classifier, dim, self._start.replay)
        return RowLearning(wide, seen, rows, self.without)


def fitted_branch(
    plugin: Loaded[Learner], start: Initialisation, task: LabelledImages
) -> tuple[BranchClassifier, nn.Module]:
    """Let a learner fit features, and return its classifier with the branch that it makes.

    Raises:
        PluginError: the learner fails, or has no branch after all.
    """
    learner = plugin.object
    with Calling(learner, "fit"):
        classifier = learner.fit(start.model(), task)
    if not isinstance(classifier, BranchClassifier):
        raise PluginError(
            f"learner {plugin.name} has `has_branch`, but its classifier lacks "
            "`novel_branch`, `rows_for` or `distractors`"
        )
    asking = Calling(classifier, "novel_branch")
    with asking:
        branch = asking.returned(classifier.novel_branch(), nn.Module).eval()
    return classifier, branch


def refuse_second(plugin: Loaded[Learner], base: TwoLevelDetector) -> None:
    """Refuse a learner with a branch for a detector that has one, or another kind of level 2.

    Raises:
        InputError: it has.
    """
    if has_branch(base.level2, base.things) or not isinstance(base.level2, Level2):
        raise InputError(
            f"learner {plugin.name} makes a branch of level 2; the detector given "
            "has one already, or a level 2 of another kind; adapt to all classes at once, or "
            "add classes by a learner without a branch, such as protonet"
        )


def _beside_a_branch(base: TwoLevelDetector, learner: Learner, evidence: Evidence) -> RowLearning:
    dim = own_dim(base.level2)
    rows = OwnRows(learner, dim, base.bank.crop.weights.shape[1])
    return RowLearning(base, replace(evidence, compared=(0, dim)), rows)
