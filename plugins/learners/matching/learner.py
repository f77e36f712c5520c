"""Matching networks: the label of a query is a mean of the support's labels, by attention.

Paper: Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra, "Matching Networks for One Shot
Learning", 2016, arXiv 1606.04080, equations 1 and 2, and appendix A for full context embeddings.
In the detector each shot becomes a row of the class bank, whose softmax over rows, summed by class,
is this attention. Queries that read the support set become a branch; base classes stay outside it.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.core.bank import DISTRACTOR
from drivemeta.plugins.learner.embedding import embed_episode, embedding_dim, in_parts
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.means import sum_by_class
from drivemeta.plugins.learner.protocol import MetaRun, MetaState, TaskSource
from drivemeta.plugins.learner.rows import (
    CosineRows,
    background_rows,
    shots_of,
)
from drivemeta.plugins.learner.shot_columns import ColumnRows, fitted_line

SMALLEST = 1e-12


class FullContext(nn.Module):
    """Embeds each image in the context of the whole support set.

    Args:
        dim: Dimensions of the embedding; even.
        n_reads: K, how often a query reads the support set.
    """

    def __init__(self, dim: int, n_reads: int) -> None:
        super().__init__()
        self.n_reads = n_reads
        self.over_support = nn.LSTM(dim, dim // 2, bidirectional=True, batch_first=True)
        self.of_query = nn.LSTMCell(dim, dim)
        self.of_read = nn.Linear(dim, dim, bias=False)

    def forward(self, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """Map (n_support, dim) and (n_query, dim) to the same in context."""
        context = self.of_support(support)
        return context, self.of_queries(context, query)

    def of_support(self, support: Tensor) -> Tensor:
        """Map (n_support, dim) to g(x_i, S)."""
        both_ways, _ = self.over_support(support[None])
        in_context: Tensor = support + both_ways[0]
        return in_context

    def of_queries(self, context: Tensor, query: Tensor) -> Tensor:
        """Map g(x_i, S) and (n_query, dim) to f(x, S)."""
        hidden, cell = query, torch.zeros_like(query)
        for _ in range(self.n_reads):
            read = torch.softmax(hidden @ context.T, 1) @ context  # (n_query, dim)
            stepped, cell = self.of_query(query, (hidden + self.of_read(read), cell))
            hidden = stepped + query
        return hidden


class MatchingModel(nn.Module):
    """An embedding, and the context if it is requested."""

    def __init__(self, network: nn.Module, context: FullContext | None) -> None:
        super().__init__()
        self.network = network
        self.context = context


class Matching:
    """Learns an embedding for attention over a support set.

    Args:
        full_context: Whether support and queries are embedded in the context of the support set.
        n_reads: K, how often a query then reads the support set.
        scale: Inverse temperature of the attention; 1 is the paper's.
        transductive: Whether support and query are normalised by their own statistics at test.
    """

    def __init__(
        self,
        *,
        full_context: bool = False,
        n_reads: int = 5,
        scale: float = 1.0,
        transductive: bool = False,
    ) -> None:
        self.full_context = full_context
        self.n_reads = n_reads
        self.scale = scale
        self.transductive = transductive

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:
        """Return the embedding, with the context's networks if they are requested."""
        if not self.full_context:
            return MatchingModel(network, None)
        dim = embedding_dim(network, tasks.task().support)
        return MatchingModel(network, FullContext(dim, self.n_reads))

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Maximise the likelihood of the queries' labels."""
        model = self.prepare(network, tasks)

        def loss() -> Tensor:
            episode = tasks.episode()
            return F.nll_loss(self.logits(model, episode), episode.query_labels)

        return run.train(model, loss, self.logits)

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Return (n_query, n_way) log-probabilities of the query."""
        assert isinstance(model, MatchingModel)
        support, query = embed_episode(model.network, episode, transductive=self.transductive)
        if model.context is not None:
            support, query = model.context(support, query)
        cosines = F.normalize(query, dim=-1) @ F.normalize(support, dim=-1).T
        attention = torch.softmax(self.scale * cosines, 1)  # a(x, x_i)
        likelihood = sum_by_class(attention, episode.support_labels, episode.n_way)
        return likelihood.clamp_min(SMALLEST).log()

    @property
    def has_branch(self) -> bool:
        """Without context, attention over shots is what rows of the class bank do anyway."""
        return self.full_context

    @torch.no_grad()
    def fit(self, network: nn.Module, support: LabelledImages) -> CosineRows | ColumnRows:
        """Make each shot a row; the network is not changed."""
        twin = network.network if isinstance(network, MatchingModel) else network
        assert isinstance(twin, nn.Module)
        shots, labels = shots_of(twin, support)
        background = background_rows(twin, support, shots)
        owners = torch.cat([labels, labels.new_full((len(background),), DISTRACTOR)])
        known = torch.cat([shots, background])
        if not isinstance(network, MatchingModel) or network.context is None:
            return CosineRows(twin, known, owners, support.n_way)
        numbers = torch.full_like(owners, DISTRACTOR)
        numbers[: len(shots)] = torch.unique(support.shots)
        replayed = in_parts(twin, support.replay) if support.replay is not None else known[:0]
        queries = torch.cat([known, replayed])
        reads = Reads(deepcopy(twin), deepcopy(network.context), known, queries)
        return ColumnRows(reads, owners, numbers, support.n_way)


class Reads(nn.Module):
    """How near each shot a query lies once it has read the support set; traceable.

    Nearness in context is put on the scale of the embedding's own cosines by a line fitted to both,
    so that new classes compete with base classes, which stay outside the context.

    Args:
        network: Network that embeds images as unit vectors.
        context: Module that reads the support set.
        known: (n_shots, dim) embeddings of the support set.
        queries: (n, dim) embeddings that the line is fitted on.
    """

    context_of_shots: Tensor
    shots: Tensor
    slope: Tensor
    offset: Tensor

    def __init__(
        self, network: nn.Module, context: FullContext, known: Tensor, queries: Tensor
    ) -> None:
        super().__init__()
        self.network = network
        self.context = context
        in_context = context.of_support(known)
        self.register_buffer("context_of_shots", in_context)
        self.register_buffer("shots", F.normalize(in_context, dim=-1))
        slope, offset = fitted_line(self._nearness(queries), queries @ known.T)
        self.register_buffer("slope", slope)
        self.register_buffer("offset", offset)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to (n, n_shots) columns."""
        columns: Tensor = self._nearness(self.network(images)) * self.slope + self.offset
        return columns

    def _nearness(self, queries: Tensor) -> Tensor:
        """Return (n, n_shots) cosines in context."""
        read = self.context.of_queries(self.context_of_shots, queries)
        return F.normalize(read, dim=-1) @ self.shots.T
