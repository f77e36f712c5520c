"""The learner that is meta-trained, called so that whatever fails in it names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from drivemeta.plugins.calling import Calling
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.protocol import (
    MetaLearner,
    MetaRun,
    MetaState,
    TaskSource,
    meta_learner,
)
from drivemeta.plugins.registry import Registry, default_registry


def create(name: str, params: Mapping[str, Any], registry: Registry | None) -> MetaLearner:
    """Build a learner.

    Args:
        name: Name of a learner plugin.
        params: Parameters by name.
        registry: Plugins that it is found among; those of `default_registry` by default.

    Raises:
        InputError: there is no such learner, or it cannot be meta-trained.
    """
    registry = registry or default_registry()
    return meta_learner(registry.create("learner", name, **params), name)


def prepared(learner: MetaLearner, network: nn.Module, tasks: TaskSource) -> nn.Module:
    """Return the module that a learner would train.

    Raises:
        PluginError: it fails, or gives something else.
    """
    preparing = Calling(learner, "prepare")
    with preparing:
        return preparing.returned(learner.prepare(network, tasks), nn.Module)


def trained(learner: MetaLearner, network: nn.Module, tasks: TaskSource, run: MetaRun) -> MetaState:
    """Return what meta-training yields.

    Raises:
        PluginError: the learner fails, or gives something else.
    """
    training = Calling(learner, "meta_train")
    with training:
        return training.returned(learner.meta_train(network, tasks, run), MetaState)


def logits_of(learner: MetaLearner, model: nn.Module, episode: Episode) -> Tensor:
    """Return the (n_query, n_way) logits of an episode's query.

    Raises:
        PluginError: the learner fails, or gives something else.
    """
    naming = Calling(learner, "logits")
    with naming:
        return naming.returned(learner.logits(model, episode), Tensor)
