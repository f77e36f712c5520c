"""What a plugin of kind `learner` must be able to do, and what it is given and yields.

Only the typing of torch values needs torch, so this module never imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from drivemeta.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from drivemeta.plugins.learner.episodes import Episode, Pairs
    from drivemeta.plugins.learner.labelled_images import LabelledImages


@runtime_checkable
class Classifier(Protocol):
    """What a learner yields: an `nn.Module` that names crops."""

    def __call__(self, images: Tensor) -> Tensor:
        """Map (n, 3, 64, 64) float RGB crops in [0, 1] to (n, n_way) float32 logits."""

    def as_bank(self) -> ClassRows | None:
        """Return the classifier as cosine rows, or None if it scores otherwise."""

    def novel_branch(self) -> nn.Module | None:
        """Return a traceable module that scores novel classes, or None if rows suffice."""


@dataclass(frozen=True, eq=False)
class ClassRows:
    """Rows that a learner proposes for its novel classes, before they join a bank.

    Attributes:
        weights: (n_rows, dim) float32, L2-normalised.
        biases: (n_rows,) float32.
        owners: (n_rows,) int64, index into the support set's classes, or -1 for a distractor.
    """

    weights: Any
    biases: Any
    owners: Any


@runtime_checkable
class BranchClassifier(Protocol):
    """What a `BranchLearner` yields whose `has_branch` is true: columns beside level 2's embedding.

    Such a learner is given the module of its `prepare`, meta-trained, on level 2's last layer
    (`LastLayer` in drivemeta/plugins/learner/last_layer.py), and features in place of images.
    """

    def novel_branch(self) -> nn.Module:
        """Return a traceable module from (n, n_features) to (n, width) columns.

        A row takes its dot product with the columns for a cosine, so they must be comparable.
        """

    def rows_for(self, support: LabelledImages) -> ClassRows:
        """Return rows over the columns, for a support set given as columns."""

    def distractors(self, features: Tensor) -> Any:
        """Return (n, width) float32 rows for features of base classes, None if it has none."""


class Learner(Protocol):
    """Learns a classifier of crops from a few labelled images."""

    def fit(self, network: nn.Module, support: LabelledImages) -> Classifier:
        """Learn from the support images; the given network is never changed.

        Args:
            network: Network that embeds (n, 3, 64, 64) float RGB crops in [0, 1] as (n, dim),
                L2-normalised.
            support: Labelled crops, and negatives that belong to no class.
        """


@runtime_checkable
class BranchLearner(Protocol):
    """A learner that may change layers or score otherwise than by cosine; then it says so.

    One whose `has_branch` is true is a `MetaLearner` too, since it starts from what its `prepare`
    makes of level 2's last layer, and its `fit` returns a `BranchClassifier`.
    """

    @property
    def has_branch(self) -> bool:
        """Whether it makes a novel branch, by the parameters that it was built with."""

    def fit(self, network: nn.Module, support: LabelledImages) -> Classifier:
        """Learn from the support, as every learner does."""


class TaskSource(Protocol):
    """Gives tasks to meta-train on."""

    @property
    def n_way(self) -> int:
        """Classes of an episode at test."""

    def seek(self, iteration: int) -> None:
        """Begin an iteration; what is drawn depends on the seed and the iteration alone."""

    def episode(self) -> Episode:
        """Draw a task with support and query."""

    def pairs(self) -> Pairs:
        """Draw pairs of images, half of them of one class."""

    def task(self) -> Episode:
        """Draw a task that is all support, for methods that have no query in training."""


@dataclass(frozen=True)
class MetaState:
    """What meta-training yields.

    Attributes:
        weights: State of the meta-trained module by name, of the best validation.
        iterations: Number of iterations at that validation.
        minutes: Minutes of training, all of it.
        curve: Iteration and validation accuracy, in order.
    """

    weights: dict[str, Tensor]
    iterations: int
    minutes: float
    curve: tuple[tuple[int, float], ...]


class MetaRun(Protocol):
    """Drives a meta-training: budget, checkpoints, validation."""

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1."""

    def train(
        self,
        model: nn.Module,
        loss: Callable[[], Tensor],
        logits: Callable[[nn.Module, Episode], Tensor],
        optimizer: Any = None,
    ) -> MetaState:
        """Step until the budget is spent.

        Args:
            model: Model, trained in place.
            loss: Function that draws tasks and returns the loss; called once an iteration. A loss
                without a graph has set the gradients itself.
            logits: Function from the model and an episode to (n_query, n_way), for validation.
            optimizer: Adam by default.
        """


@runtime_checkable
class MetaLearner(Protocol):
    """A learner that can also be meta-trained, on any embedding."""

    @property
    def transductive(self) -> bool:
        """Whether a query's logits depend on the other queries, as a result must state."""

    def prepare(self, network: nn.Module, tasks: TaskSource) -> nn.Module:
        """Return the module that is meta-trained: the embedding and what the method adds."""

    def meta_train(self, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
        """Train the embedding, in place, to learn from episodes."""

    def logits(self, model: nn.Module, episode: Episode) -> Tensor:
        """Learn from an episode's support; return (n_query, n_way) logits of its query."""


def meta_learner(learner: object, name: str) -> MetaLearner:
    """Return a learner as one that can be meta-trained.

    Args:
        learner: Learner.
        name: Name of the learner, for the message.

    Raises:
        InputError: lists what it lacks.
    """
    if isinstance(learner, MetaLearner):
        return learner
    wanted = ("prepare", "meta_train", "logits", "transductive")
    lacking = ", ".join(f"`{member}`" for member in wanted if not hasattr(learner, member))
    raise InputError(
        f"learner {name} cannot be meta-trained, as a learner with a branch must: it lacks "
        f"{lacking}; see `MetaLearner` in drivemeta/plugins/learner/protocol.py"
    )
