"""Siamese networks: are two images of one class? A query takes the class of its best pair.

Paper: Koch, Zemel, Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition", 2015,
section 3: sigmoid of a weighted L1 distance of twin embeddings, with learnt weights, trained by
cross-entropy on pairs. Different from it: a small embedding where the paper has a larger one on
larger images; the L2 distance is an option, and so are all pairs of a task's images where the paper
draws pairs, which makes some thousands of pairs of the work of a hundred, verified one by one or
ranked against each other.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.core.bank import DISTRACTOR
from drivemeta.plugins.learner.embedding import embed_episode, embedding_dim, in_parts
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.inner_loop import Params, descend
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.means import max_by_class
from drivemeta.plugins.learner.protocol import MetaRun, MetaState, TaskSource
from drivemeta.plugins.learner.rows import (
    CosineRows,
    background_rows,
    shots_of,
)
from drivemeta.plugins.learner.shot_columns import ColumnRows, fitted_line

Distance = Literal["l1", "l2"]
PairsOf = Literal["draw", "task", "ranked"]
FIT_STEPS, FIT_LR = 50, 1.0
# The logits of ranked pairs compete: at the scale of verification their softmax is all but flat.
START, RANKED_START = 4.0, 100.0


class PairScore(nn.Module):
    """The logit that two embeddings are of one class.

    Args:
        dim: Dimensions of the embedding.
        distance: `l1`, a weight for each dimension, or `l2`, one weight.
        start: Minus the sum of the weights at first.
    """

    def __init__(self, dim: int, distance: Distance, start: float = START) -> None:
        super().__init__()
        self.distance = distance
        n_weights = dim if distance == "l1" else 1
        self.weights = nn.Parameter(torch.full((n_weights,), -start / n_weights))
        self.bias = nn.Parameter(torch.ones(()))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Map (..., dim) and (..., dim) to (...) logits."""
        return pair_logits(left, right, self.weights, self.bias)

    def of_all(self, left: Tensor, right: Tensor) -> Tensor:
        """Map (n, dim) and (m, dim) to the (n, m) logits of all pairs, without (n, m, dim)."""
        if self.distance == "l2":
            exact = "donot_use_mm_for_euclid_dist"
            return torch.cdist(left, right, compute_mode=exact) * self.weights + self.bias
        # Absolute differences of scaled embeddings are scaled absolute differences.
        farther = self.weights.clamp_max(0)
        logits = self.bias - torch.cdist(left * farther, right * farther, p=1)
        if (self.weights > 0).any():
            closer = self.weights.clamp_min(0)
            logits = logits + torch.cdist(left * closer, right * closer, p=1)
        return logits


def pair_logits(left: Tensor, right: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Return the weighted distance: L1 with a weight a dimension, else L2 with one."""
    if len(weights) == left.shape[-1]:
        return (left - right).abs() @ weights + bias
    squared = (left - right).square().sum(-1)
    return (squared + 1e-12).sqrt() * weights + bias  # the root has no slope at zero


def balanced_cross_entropy(logits: Tensor, same: Tensor) -> Tensor:
    """Return the loss of (n,) pairs with those that are the same, and those not, weighing alike."""
    balance = torch.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    losses = F.binary_cross_entropy_with_logits(logits, same.float(), reduction="none")
    return (balance * losses).sum()


def verification_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of all pairs of images, given their (n, n) scores.

    Not balanced: what ranks twenty classes is how few of the many others score high.
    """
    left, right = torch.triu_indices(len(labels), len(labels), 1)
    same = (labels[left] == labels[right]).float()
    return F.binary_cross_entropy_with_logits(scores[left, right], same)


def ranking_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of the pairs of each image, which compete, given (n, n) scores."""
    with_itself = torch.eye(len(labels), dtype=torch.bool)
    log_shares = scores.masked_fill(with_itself, -torch.inf).log_softmax(1)
    same = (labels[:, None] == labels) & ~with_itself
    return -log_shares[same].mean()


class SiameseModel(nn.Module):
    """The twin embedding and the score of a pair."""

    def __init__(self, network: nn.Module, score: PairScore) -> None:
        super().__init__()
        self.network = network
        self.score = score


class PairColumns(nn.Module):
    """How well images match each of some shots, put on the scale of cosines.

    A line is fitted to the distances and the cosines of the embeddings that are known, so that new
    classes compete with base classes, which are named by their cosines.

    Args:
        network: Network that embeds images as unit vectors.
        shots: (n_shots, dim) embeddings.
        known: (n, dim) embeddings, on which the line is fitted.
        weights: (dim,) of the L1 distance.
    """

    shots: Tensor
    weights: Tensor
    slope: Tensor
    offset: Tensor

    def __init__(self, network: nn.Module, shots: Tensor, known: Tensor, weights: Tensor) -> None:
        super().__init__()
        self.network = network
        slope, offset = fitted_line((known[:, None] - known).abs() @ weights, known @ known.T)
        self.register_buffer("shots", shots)
        self.register_buffer("weights", weights)
        self.register_buffer("slope", slope)
        self.register_buffer("offset", offset)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to (n, n_shots) columns."""
        distances = (self.network(images)[:, None] - self.shots).abs() @ self.weights
        columns: Tensor = distances * self.slope + self.offset
        return columns


class Siamese:
    """Learns whether two images are of one class.

    Args:
        distance: `l1` weighted by dimension, or `l2`.
        pairs: Pairs that are trained on: a `draw` of pairs, half of them of one class; or all pairs
            of the images of a `task`, each verified; or those, `ranked`: the pairs of an image with
            the others of its task compete, as they do at test.
        transductive: Whether support and query are normalised by their own statistics at test.
    """

    def __init__(
        self, distance: Distance = "l1", pairs: PairsOf = "draw", *, transductive: bool = False
    ) -> None:
        self.distance: Distance = distance
        self.pairs = pairs
        self.transductive = transductive

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:
        """Return the embedding and the score of a pair."""
        dim = embedding_dim(network, tasks.task().support)
        start = RANKED_START if self.pairs == "ranked" else START
        return SiameseModel(network, PairScore(dim, self.distance, start))

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Minimise the cross-entropy of verification, or of ranking."""
        model = self.prepare(network, tasks)
        assert isinstance(model, SiameseModel)

        def of_draw() -> Tensor:
            pairs = tasks.pairs()
            left, right = model.network(torch.cat([pairs.left, pairs.right])).chunk(2)
            return F.binary_cross_entropy_with_logits(model.score(left, right), pairs.same)

        def of_task() -> Tensor:
            task = tasks.task()
            embedded = model.network(task.support)
            return loss_of(model.score.of_all(embedded, embedded), task.support_labels)

        loss_of = ranking_loss if self.pairs == "ranked" else verification_loss
        return run.train(model, of_draw if self.pairs == "draw" else of_task, self.logits)

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Return (n_query, n_way) logits of the query: of the best pair with each class."""
        assert isinstance(model, SiameseModel)
        support, query = embed_episode(model.network, episode, transductive=self.transductive)
        of_pairs = model.score.of_all(query, support)  # (n_query, n_support)
        return max_by_class(of_pairs, episode.support_labels, episode.n_way)

    @property
    def has_branch(self) -> bool:
        """By L2 the best pair of unit vectors is that of the largest cosine, so rows will do."""
        return self.distance == "l1"

    @torch.no_grad()
    def fit(self, network: nn.Module, support: LabelledImages) -> ColumnRows | CosineRows:
        """Keep each shot; the network is not changed.

        The weights of the L1 distance are those that were meta-trained, if the network is what
        `prepare` made; else they are learnt by verification of the support's own pairs.
        """
        twin = network.network if isinstance(network, SiameseModel) else network
        assert isinstance(twin, nn.Module)
        shots, labels = shots_of(twin, support)
        background = background_rows(twin, support, shots)
        known = torch.cat([shots, background])
        owners = torch.cat([labels, labels.new_full((len(background),), DISTRACTOR)])
        if self.distance == "l2":
            return CosineRows(twin, known, owners, support.n_way)
        if isinstance(network, SiameseModel):
            weights = network.score.weights.detach()
        else:
            kinds = torch.cat([labels, torch.arange(len(background)) + support.n_way])
            weights = verified_weights(known, kinds)
        numbers = torch.full_like(owners, DISTRACTOR)
        numbers[: len(shots)] = torch.unique(support.shots)
        replayed = in_parts(twin, support.replay) if support.replay is not None else known[:0]
        columns = PairColumns(deepcopy(twin), known, torch.cat([known, replayed]), weights)
        return ColumnRows(columns, owners, numbers, support.n_way)


@torch.no_grad()
def verified_weights(embeddings: Tensor, labels: Tensor) -> Tensor:
    """Learn the weights of the L1 distance on all pairs of (n, dim) embeddings.

    Without a pair of each kind there is nothing to learn from, and all weights are alike.
    """
    n, dim = embeddings.shape
    left, right = torch.triu_indices(n, n, 1)
    same = labels[left] == labels[right]
    start = torch.full((dim,), -1.0)
    if len(same) == 0 or same.all() or not same.any():
        return start

    def loss(params: Params) -> Tensor:
        logits = pair_logits(embeddings[left], embeddings[right], params["weights"], params["bias"])
        return balanced_cross_entropy(logits, same)

    fitted = descend(loss, {"weights": start, "bias": torch.ones(())}, FIT_LR, FIT_STEPS)
    return fitted["weights"].clamp_max(0)  # no dimension speaks for a pair by differing
