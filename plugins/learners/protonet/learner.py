"""Prototypical networks: a class is the mean of its support embeddings.

Paper: Snell, Swersky, Zemel, "Prototypical Networks for Few-shot Learning", 2017,
arXiv 1703.05175, algorithm 1: episodes with more ways than at test, squared Euclidean distances, or
cosines. In the detector, different from it: the cosine always, since class bank rows are compared
by it (for normalised vectors both rank alike); a shot is first averaged over its augmented views;
shots weigh by how far they agree with the others of their class, and one that is unlike all of them
is left out; many shots give several prototypes; and things that belong to no class become
prototypes of the background.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.core.bank import ALIKE, DISTRACTOR
from drivemeta.plugins.learner.embedding import embed_episode, in_parts
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.means import agreement, class_means, mean_by, spherical_means
from drivemeta.plugins.learner.protocol import MetaRun, MetaState, TaskSource
from drivemeta.plugins.learner.rows import CosineRows

LEAST_AGREEMENT = 0.33  # with the other shots, of the median of all
LEAST_SHOTS = 3  # of each prototype where a class gets several


class ProtoNet:
    """Learns prototypes.

    Args:
        shots_per_prototype: Number of shots for which a class gets one more prototype.
        n_background: Greatest number of prototypes of the background.
        background_margin: Cosine to a prototype above which a negative is left out, since few
            annotate every instance.
        scale: Inverse temperature of cosine logits.
        distance: Distance in episodes, `euclidean` (squared) or `cosine`.
        transductive: Whether support and query of episodes are normalised by their own statistics
            at test.
    """

    def __init__(
        self,
        shots_per_prototype: int = 6,
        n_background: int = 16,
        background_margin: float = ALIKE,
        scale: float = 20.0,
        *,
        distance: Literal["euclidean", "cosine"] = "euclidean",
        transductive: bool = False,
    ) -> None:
        self.shots_per_prototype = shots_per_prototype
        self.n_background = n_background
        self.background_margin = background_margin
        self.scale = scale
        self.distance = distance
        self.transductive = transductive

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:  # noqa: ARG002
        """Return the embedding: the method adds nothing to it."""
        return network

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Minimise the cross-entropy of the queries by the distances to the prototypes."""

        def loss() -> Tensor:
            episode = tasks.episode()
            return F.cross_entropy(self.logits(network, episode), episode.query_labels)

        return run.train(network, loss, self.logits)

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Return (n_query, n_way) logits of the query by the prototypes of the support."""
        support, query = embed_episode(model, episode, transductive=self.transductive)
        prototypes = class_means(support, episode.support_labels, episode.n_way)
        if self.distance == "cosine":
            return self.scale * F.normalize(query, dim=-1) @ F.normalize(prototypes, dim=-1).T
        return -(query[:, None] - prototypes).square().sum(-1)

    @torch.no_grad()
    def fit(self, network: nn.Module, support: LabelledImages) -> CosineRows:
        """Average the embeddings of each class; the network is not changed."""
        embeddings = in_parts(network, support.images)
        rows, owners = [], []
        for label in range(support.n_way):
            own = support.labels == label
            shots = mean_by(embeddings[own], support.shots[own])
            rows.append(prototypes_of(shots, self.shots_per_prototype))
            owners += [label] * len(rows[-1])
        prototypes = torch.cat(rows)
        if len(support.negatives):
            negatives = in_parts(network, support.negatives)
            far = (negatives @ prototypes.T).amax(1) < self.background_margin
            if far.any():
                background = spherical_means(negatives[far], self.n_background)
                prototypes = torch.cat([prototypes, background])
                owners += [DISTRACTOR] * len(background)
        return CosineRows(network, prototypes, torch.tensor(owners), support.n_way, self.scale)


def prototypes_of(shots: Tensor, shots_per_prototype: int) -> Tensor:
    """Return the (m, dim) prototypes of a class from its (n, dim) shots, all of unit length."""
    weights = shots.new_ones(len(shots))
    if len(shots) > 2:
        weights = agreement(shots).clamp(min=1e-3)
        alike = weights >= LEAST_AGREEMENT * weights.median()
        shots, weights = shots[alike], weights[alike]
    n_means = 1 + (len(shots) - 1) // shots_per_prototype
    if n_means == 1:
        return F.normalize(weights @ shots, dim=-1)[None]
    return spherical_means(shots, n_means, least=LEAST_SHOTS)
