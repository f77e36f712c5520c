"""Meta-training of a learner on episodes of images, and its evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save_file
from torch import Tensor, nn

from drivemeta.files import atomic_path, write_text
from drivemeta.models.learner_store import WEIGHTS
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.protocol import MetaLearner, MetaState, TaskSource
from drivemeta.plugins.registry import Registry
from drivemeta.training.meta.accuracy import Accuracy, Episodes, accuracies
from drivemeta.training.meta.image_tasks import PoolTasks
from drivemeta.training.meta.learners import create, logits_of, prepared, trained
from drivemeta.training.meta.networks import (
    Conv4,
    Conv4Kind,
    KochNet,
    ResidualNet,
)
from drivemeta.training.meta.omniglot import Shape, load_omniglot
from drivemeta.training.meta.run import (
    Budget,
    MetaPlan,
    Rate,
    Run,
    Start,
    Validation,
    load_weights,
)
from drivemeta.training.precision import Amp

RESULT = "result.json"
VALIDATION_SEED, TEST_SEED = 1_000_003, 2_000_003


class EpisodeShape(BaseModel):
    """`Shape`, as a configuration writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_way: int = Field(5, ge=2)
    n_shot: int = Field(1, ge=1)
    n_query: int = Field(5, ge=1)
    n_groups: int = Field(0, ge=0)
    same_images: bool = False


class MetaTraining(BaseModel):
    """What `drivemeta metatrain` reads from a YAML file of kind `omniglot`.

    Attributes:
        kind: Kind of the configuration.
        out: Folder of weights, curve, result and checkpoint.
        omniglot: `omniglot28.npz`.
        params: Parameters of the learner.
        train: Episodes that are trained on.
        test: Episodes of validation and test.
        splits: Names of the splits for training, validation and test, see `load_omniglot`.
        rotations: Whether images turned by 90 degrees are further classes; `train` for in training
            alone.
        network: Kind of Conv-4, see there, the twin of Koch et al. in small (`koch`) or one of
            residual blocks (`residual`).
        n_filters: Number of filters of its first convolution.
        by_product: Whether to convolve by matrix products in training, see `plain_blocks`.
        mirrors: Whether mirrored images are further classes in training.
        distort: Whether images of training are distorted at random.
        distort_classes: Whether those of a class in a task are distorted alike.
        n_pairs: Number of pairs of a draw, for learners that train on pairs.
        start_from: Weights to go on from.
        start_iteration: Number of iterations that those were trained.
        iterations: Greatest number of iterations.
        minutes: Greatest number of minutes.
        learning_rate: Learning rate of the outer loop.
        halve_every: Number of iterations after which the rate is halved; 0 for never.
        anneal: Whether the rate falls to zero along a cosine.
        amp: Whether training is in bfloat16: `on`, `off`, or `auto` by the processor.
        validate_every: Number of iterations between validations and checkpoints.
        n_validation: Number of episodes of a validation.
        n_test: Number of episodes of the test.
        keep_last: Whether the last weights are kept, not those of the best validation; for a
            validation that is of classes of training.
        threads: Number of threads of PyTorch; 0 leaves them as they are.
        seed: Seed of weights and all that is drawn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["omniglot"] = "omniglot"
    out: Path
    omniglot: Path
    params: dict[str, Any] = Field(default_factory=dict)
    train: EpisodeShape = EpisodeShape()
    test: EpisodeShape = EpisodeShape()
    splits: tuple[str, str, str] = ("train", "val", "test")
    rotations: bool | Literal["train"] = True
    network: Conv4Kind | Literal["koch", "residual"] = "pooled"
    n_filters: int = Field(64, ge=1)
    by_product: bool = False
    mirrors: bool = False
    distort: bool = False
    distort_classes: bool = False
    n_pairs: int = Field(128, ge=2)
    start_from: Path | None = None
    start_iteration: int = Field(0, ge=0)
    iterations: int = Field(10_000, ge=1)
    minutes: float | None = Field(None, gt=0)
    learning_rate: float = Field(0.001, gt=0)
    halve_every: int = Field(2_000, ge=0)
    anneal: bool = False
    amp: Amp = "auto"
    validate_every: int = Field(500, ge=1)
    n_validation: int = Field(100, ge=2)
    n_test: int = Field(600, ge=2)
    keep_last: bool = False
    threads: int = Field(1, ge=0)
    seed: int = 0


@dataclass(frozen=True)
class MetaResult:
    """What came of a meta-training.

    Attributes:
        learner: Name of the learner.
        accuracy: Accuracy over the test episodes.
        iterations: Number of iterations of the weights that were tested.
        minutes: Minutes of training.
        transductive: Whether the queries of an episode are normalised together.
        weights: File of the weights.
    """

    learner: str
    accuracy: Accuracy
    iterations: int
    minutes: float
    transductive: bool
    weights: Path


def metatrain(
    name: str,
    config: MetaTraining,
    *,
    resume: bool,
    report: Callable[[str], None],
    registry: Registry | None = None,
) -> MetaResult:
    """Meta-train a learner on Omniglot, test it, and write weights, curve and result.

    Args:
        name: Name of a learner plugin.
        config: Configuration of the run.
        resume: Whether to go on from the last checkpoint.
        report: Function that takes lines of progress.
        registry: Plugins that the learner is found among; those of `default_registry` by default.

    Raises:
        InputError: there is no such learner, it cannot be meta-trained, or there are no data.
        ModelFileError: there is no checkpoint to resume, or it is of another model.
        PluginError: the learner fails.
    """
    learner = create(name, config.params, registry)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads or torch.get_num_threads())
    tasks, validation = _tasks(config, "train"), _tasks(config, "val")
    run = Run(_plan(config), tasks, validation, resume=resume, report=report)
    state = trained(learner, _network(config), tasks, run)
    path = config.out / WEIGHTS
    _write(path, name, state)
    accuracy = evaluate_weights(name, config, path, registry)
    result = MetaResult(
        learner=name,
        accuracy=accuracy,
        iterations=state.iterations,
        minutes=state.minutes,
        transductive=learner.transductive,
        weights=path,
    )
    write_text(config.out / RESULT, json.dumps(asdict(result), default=str, indent=1))
    return result


def _write(path: Path, name: str, state: MetaState) -> None:
    about = {"learner": name, "iterations": state.iterations, "minutes": state.minutes}
    stored = {key: value.contiguous() for key, value in state.weights.items()}
    with atomic_path(path) as partial:
        save_file(stored, partial, metadata={"metatrain": json.dumps(about)})


def _plan(config: MetaTraining) -> MetaPlan:
    return MetaPlan(
        out=config.out,
        budget=Budget(iterations=config.iterations, minutes=config.minutes),
        rate=Rate(first=config.learning_rate, halve_every=config.halve_every, anneal=config.anneal),
        validation=Validation(
            every=config.validate_every,
            n_episodes=config.n_validation,
            at_start=config.start_from is not None,
            keep_last=config.keep_last,
        ),
        start=Start(weights=config.start_from, iteration=config.start_iteration),
        seed=config.seed,
    )


def evaluate_weights(
    name: str, config: MetaTraining, weights: Path, registry: Registry | None = None
) -> Accuracy:
    """Test stored weights on the test classes.

    Raises:
        ModelFileError: the file is damaged or of another model.
        PluginError: the learner fails.
    """
    tasks = _tasks(config, "test")
    return Accuracy.of(accuracies_of_weights(name, config, weights, tasks, registry))


def accuracies_of_weights(
    name: str,
    config: MetaTraining,
    weights: Path,
    tasks: Episodes,
    registry: Registry | None = None,
) -> Tensor:
    """Return the (`config.n_test`,) accuracies of stored weights on episodes of any source.

    Raises:
        ModelFileError: the file is damaged or of another model.
        PluginError: the learner fails.
    """
    learner, model = untrained(name, config, registry)
    load_weights(model, weights)

    def logits(model: nn.Module, episode: Episode) -> Tensor:
        return logits_of(learner, model, episode)

    return accuracies(model, logits, tasks, config.n_test)


def untrained(
    name: str, config: MetaTraining, registry: Registry | None = None
) -> tuple[MetaLearner, nn.Module]:
    """Return a learner and the model that it would train."""
    learner = create(name, config.params, registry)
    return learner, prepared(learner, _network(config), _tasks(config, "train"))


def _network(config: MetaTraining) -> nn.Module:
    torch.manual_seed(config.seed)
    network: nn.Module
    options: dict[str, Any] = {"amp": config.amp, "by_product": config.by_product}
    if config.network == "koch":
        network = KochNet(config.n_filters, **options)
    elif config.network == "residual":
        network = ResidualNet(config.n_filters, **options)
    else:
        network = Conv4(config.n_filters, kind=config.network, **options)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _tasks(config: MetaTraining, part: Literal["train", "val", "test"]) -> TaskSource:
    split = dict(zip(("train", "val", "test"), config.splits, strict=True))[part]
    seed = {"train": 0, "val": VALIDATION_SEED, "test": TEST_SEED}[part] + config.seed
    given = config.train if part == "train" else config.test
    shape = Shape(**given.model_dump())
    training = part == "train"
    rotations = training if config.rotations == "train" else config.rotations
    mirrors = training and config.mirrors
    pool = load_omniglot(config.omniglot, split, rotations=rotations, mirrors=mirrors)
    return PoolTasks(
        pool,
        shape,
        seed,
        config.n_pairs,
        distort=training and config.distort,
        distort_classes=training and config.distort_classes,
    )
