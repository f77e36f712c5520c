"""Meta-training of a learner over level 2's last layer, on episodes of real signs.

The layers below stay frozen and run once for each view of a crop, so that an episode costs
milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field

from drivemeta.errors import ConfigError, suggest
from drivemeta.models.learner_store import WEIGHTS, write
from drivemeta.models.level2 import Level2
from drivemeta.models.store import load_base
from drivemeta.models.traced.features import Level2Features
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.plugins.learner.protocol import MetaState
from drivemeta.plugins.registry import Registry
from drivemeta.training.meta.learners import create, trained
from drivemeta.training.meta.omniglot import Shape
from drivemeta.training.meta.omniglot_training import VALIDATION_SEED
from drivemeta.training.meta.run import (
    Budget,
    MetaPlan,
    Rate,
    Run,
    Validation,
)
from drivemeta.training.meta.sign_split import COUNTRIES, meanings_in
from drivemeta.training.meta.sign_tasks import SignPool, SignTasks, load_sign_pool
from drivemeta.training.weights import load_start


class LearnerSettings(BaseModel):
    """How one learner is meta-trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    params: dict[str, Any] = Field(default_factory=dict)
    learning_rate: float = Field(1e-4, gt=0)
    minutes: float = Field(2.0, gt=0)


class SignTraining(BaseModel):
    """What `drivemeta metatrain` reads from a YAML file of kind `signs`.

    Attributes:
        kind: Kind of the configuration.
        out: Folder; each learner has one of its own inside.
        signs: Folder of `COUNTRY/manifest.csv`.
        level2: Weights of a training run; None for the shipped base.
        parts: Meanings that are trained on, see `sign_split.meanings_in`.
        learners: Learners by name.
        n_way: Number of classes of an episode.
        n_shot: Greatest number of shots; an episode has 1 to as many.
        n_query: Number of queries of each class.
        n_views: Number of views of each crop, augmented but for one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["signs"] = "signs"
    out: Path
    signs: Path
    level2: Path | None = None
    parts: tuple[Literal["train", "test"], ...] = ("train", "test")
    learners: dict[str, LearnerSettings]
    n_way: int = Field(15, ge=2)
    n_shot: int = Field(5, ge=1)
    n_query: int = Field(3, ge=1)
    n_views: int = Field(4, ge=1)
    n_pairs: int = Field(128, ge=2)
    iterations: int = Field(100_000, ge=1)
    validate_every: int = Field(50, ge=1)
    n_validation: int = Field(60, ge=2)
    threads: int = Field(1, ge=0)
    seed: int = 0


@dataclass(frozen=True)
class SignResult:
    """What came of it.

    Attributes:
        learner: Name of the learner.
        validation: Accuracy of the best validation, 0 to 1.
        start: Accuracy before any training.
        iterations: Number of iterations at the best.
        minutes: Minutes of training.
        weights: File, for `drivemeta adapt --learner-weights` or to lie beside the plugin.
    """

    learner: str
    validation: float
    start: float
    iterations: int
    minutes: float
    weights: Path


def level2_of(config: SignTraining, registry: Registry | None = None) -> Level2:
    """Return the level 2 whose last layer is meta-trained.

    Args:
        config: Configuration of the run.
        registry: Plugins that level 1 of the shipped base is found among; those of
            `default_registry` by default.

    Raises:
        ModelFileError: its weights cannot be read.
    """
    if config.level2 is None:
        base = load_base(registry).level2
        assert isinstance(base, Level2)
        return base
    level2 = Level2()
    load_start(config.level2, level2, "level2.")
    return level2.eval()


def settings_of(name: str, config: SignTraining) -> LearnerSettings:
    """Return how the configuration trains a learner.

    Raises:
        ConfigError: it has no such learner.
    """
    if name not in config.learners:
        raise ConfigError(f"learners: {name} is not among them; {suggest(name, config.learners)}")
    return config.learners[name]


def metatrain_signs(
    name: str,
    config: SignTraining,
    *,
    resume: bool,
    report: Callable[[str], None],
    pool: SignPool | None = None,
    registry: Registry | None = None,
) -> SignResult:
    """Meta-train a learner on signs and write its weights for the level 2 it was trained on.

    Args:
        name: Name of a learner of the configuration.
        config: Configuration of the run.
        resume: Whether to go on from the last checkpoint.
        report: Function that takes lines of progress.
        pool: Features of the crops, to spare reading them for every learner.
        registry: Plugins that the learner is found among; those of `default_registry` by default.

    Raises:
        ConfigError: the configuration has no such learner.
        InputError: there are no data.
        ModelFileError: there is no checkpoint to resume, or it is of another model.
        PluginError: the learner fails.
    """
    learner = create(name, settings_of(name, config).params, registry)
    torch.set_num_threads(config.threads or torch.get_num_threads())
    level2 = level2_of(config, registry)
    pool = pool or read_pool(config, level2)
    tasks, validation = _tasks(config, pool)
    torch.manual_seed(config.seed)
    run = Run(_plan(name, config), tasks, validation, resume=resume, report=report)
    state = trained(learner, LastLayer.of(level2.project), tasks, run)
    path, curve = config.out / name / WEIGHTS, dict(state.curve)
    write(path, state.weights, level2, _about(name, config, state))
    return SignResult(
        learner=name,
        validation=curve[state.iterations],
        start=curve[0],
        iterations=state.iterations,
        minutes=state.minutes,
        weights=path,
    )


def _about(name: str, config: SignTraining, state: MetaState) -> dict[str, Any]:
    """Return what the file of weights says of their training."""
    curve = dict(state.curve)
    return {
        "learner": name,
        "params": config.learners[name].params,
        "iterations": state.iterations,
        "validation": {"start": curve[0], "best": curve[state.iterations]},
        "parts": config.parts,
        "seed": config.seed,
    }


def _tasks(config: SignTraining, pool: SignPool) -> tuple[SignTasks, SignTasks]:
    """Return what is trained on, and other meanings, unaugmented, to choose weights by."""
    trained = pool.part(frozenset[str]().union(*map(meanings_in, config.parts)))
    plain = pool.part(meanings_in("val"))
    chosen_by = SignPool(plain.features[:, :1], plain.labels, plain.groups, plain.names)
    shape = Shape(config.n_way, config.n_shot, config.n_query)
    return (
        SignTasks(trained, shape, config.seed, config.n_pairs, few=1),
        SignTasks(chosen_by, shape, VALIDATION_SEED + config.seed, few=1),
    )


def _plan(name: str, config: SignTraining) -> MetaPlan:
    settings = config.learners[name]
    return MetaPlan(
        out=config.out / name,
        budget=Budget(iterations=config.iterations, minutes=settings.minutes),
        rate=Rate(first=settings.learning_rate),
        validation=Validation(
            every=config.validate_every, n_episodes=config.n_validation, at_start=True
        ),
        seed=config.seed,
    )


def read_pool(config: SignTraining, level2: Level2) -> SignPool:
    """Return the crops of all countries but the one that is never met.

    Raises:
        InputError: they cannot be read.
    """
    features, n_views = Level2Features(level2), config.n_views
    return load_sign_pool(config.signs, COUNTRIES, features, n_views=n_views, seed=config.seed)
