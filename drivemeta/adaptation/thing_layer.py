"""Learners that change layers, for things: a layer behind their embedding is adapted.

The embedding of things stays as it is. The layer begins as the identity, so that its features are
the embeddings themselves: those of the thousands of ordinary things that ship are replayed while it
is adapted, and the new kinds are told from them in its columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.adaptation.branch_learning import RowLearning, fitted_branch, refuse_second
from drivemeta.adaptation.branch_rows import BranchRows
from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.learner_choice import EXTENSIBLE
from drivemeta.adaptation.learner_weights import Initialisation
from drivemeta.adaptation.thing_columns import columns_of
from drivemeta.banks.contrast import kinds_alike
from drivemeta.core.boxes import FloatArray
from drivemeta.core.things import THING_DIM, is_thing
from drivemeta.errors import InputError
from drivemeta.models.branch import BranchedThings, widened
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.fixed import WithColumns
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.plugins.learner.means import mean_by
from drivemeta.plugins.learner.protocol import BranchClassifier, Learner
from drivemeta.plugins.loaded import Loaded


class ThingLayerLearning:
    """Learns the layer of one support set of things, and again for each fold that is held out.

    Args:
        base: Detector before; its embedding of things stays as it is.
        plugin: Learner with a branch.
        evidence: What the base sees in the support frames, things by their embedding.
        parents: Super-class of each class.
        weights: File that the learner is to start from; there are none for things.

    Raises:
        InputError: not all classes are things, the base has a branch already or rows below one of
            the super-classes, or weights are given.
    """

    def __init__(
        self,
        base: TwoLevelDetector,
        plugin: Loaded[Learner],
        evidence: Evidence,
        parents: Sequence[str | None],
        weights: Path | None = None,
    ) -> None:
        self._base, self._plugin, self._evidence = base, plugin, evidence
        self._refuse(parents, weights)
        self._start = Initialisation.untrained(plugin, identity_layer())
        task = replace(evidence.embedded, negatives=evidence.embedded.negatives[:0])
        features, labels = self._replayed(task, parents)
        self._task = replace(task, replay=features, replay_labels=labels)

    def without(self, boxes: NDArray[np.int64] | None = None) -> RowLearning:
        """Return what is learnt without some support boxes; they are embedded all the same.

        Raises:
            InputError: what the learner makes is no layer.
            PluginError: the learner fails, or has no branch after all.
        """
        task = self._task if boxes is None else self._task.without_shots(boxes)
        classifier, branch = fitted_branch(self._plugin, self._start, task)
        if not isinstance(branch, LastLayer):
            raise InputError(
                f"learner {self._plugin.name} compares crops with each shot and adapts no layer; "
                "things are held against thousands of others that ship, which needs rows over an "
                f"embedding or a layer: learn them by {EXTENSIBLE}, or by maml, reptile, metasgd "
                "or anil"
            )
        return self._with(classifier, branch)

    @torch.no_grad()
    def _with(self, classifier: BranchClassifier, layer: LastLayer) -> RowLearning:
        base, evidence = self._base, self._evidence
        assert base.things is not None
        assert evidence.thing_negatives is not None
        wide = base.with_(
            things=BranchedThings(base.things, layer), bank=widened(base.bank, layer.dim)
        ).eval()

        def columns(crops: Tensor, own: FloatArray) -> Tensor:  # noqa: ARG001
            found: Tensor = layer(torch.from_numpy(own))
            return found

        def beside(embeddings: Tensor) -> Tensor:
            return torch.cat([embeddings, layer(embeddings)], 1)

        signs = evidence.embedded.negatives
        seen = replace(
            evidence,
            embedded=replace(
                evidence.embedded,
                images=beside(evidence.embedded.images),
                negatives=torch.cat([signs, signs.new_zeros(len(signs), layer.dim)], 1),
            ),
            boxes=replace(
                evidence.boxes,
                embeddings=beside(torch.from_numpy(evidence.boxes.embeddings)).numpy(),
            ),
            thing_negatives=beside(evidence.thing_negatives),
            networks=WithColumns(wide, evidence.networks, columns, things=True),
            compared=(THING_DIM, None),
            things_through=layer,
        )
        return RowLearning(wide, seen, BranchRows(classifier, THING_DIM), self.without)

    def _replayed(
        self, task: LabelledImages, parents: Sequence[str | None]
    ) -> tuple[Tensor, Tensor]:
        """Return the things that ship and are of no new kind, and the kind of each."""
        store, names = columns_of(self._evidence).store, np.array(task.names)
        means = mean_by(task.images, task.labels).numpy()
        left_out: set[str] = set()
        for parent in {parent for parent in parents if parent is not None}:
            own = np.array([parent == each for each in parents], np.bool_)
            root = None if parent in task.names else parent
            left_out |= {*kinds_alike(store, root, names[own].tolist(), means[own])}
        rest = store.without(tuple(left_out))
        return torch.from_numpy(rest.embeddings), torch.from_numpy(rest.labels).long()

    def _refuse(self, parents: Sequence[str | None], weights: Path | None) -> None:
        name, bank = self._plugin.name, self._base.bank
        refuse_second(self._plugin, self._base)
        if weights is not None:
            raise InputError(
                f"learner {name} was meta-trained over level 2, which sees signs and lights; found "
                f"{weights} for things, whose layer starts from the identity: leave it out"
            )
        self._refuse_mixed(parents)
        taken = {p for p in parents if p in bank.names and (bank.crop.roots == bank.index(p)).any()}
        if taken:
            raise InputError(
                f"learner {name} adapts a layer for kinds of {', '.join(sorted(taken))}, of which "
                f"the model has some that are not seen through it; add to them by {EXTENSIBLE}, or "
                "learn all at once"
            )

    def _refuse_mixed(self, parents: Sequence[str | None]) -> None:
        things = is_thing(tuple(parent or "" for parent in parents), self._base.scoring)
        told: dict[bool, list[str]] = {True: [], False: []}
        for kind, parent, thing in zip(self._evidence.labelled.names, parents, things, strict=True):
            of = "a new kind" if parent == kind else parent
            told[bool(thing and parent)].append(f"{kind} ({of})")
        if told[False]:
            raise MixedKindsError(
                f"learner {self._plugin.name} adapts one layer, found things: "
                f"{', '.join(told[True])}; and others: {', '.join(told[False])}; say by --parent "
                f"what all of them are, or learn either first, and the others by {EXTENSIBLE} in a "
                "second step, with --from"
            )


class MixedKindsError(InputError):
    """Of the classes that one layer is to be adapted to, some are things and some are not."""


def identity_layer() -> LastLayer:
    """Return the layer that adapting to things begins with: what it is given."""
    layer = LastLayer(THING_DIM, THING_DIM)
    with torch.no_grad():
        layer.project.weight.copy_(torch.eye(THING_DIM))
        layer.project.bias.zero_()
    return layer
