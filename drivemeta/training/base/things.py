"""Base training of the thing-embedding: from ImageNet, by classes with a margin and episodes.

Wang et al., "CosFace", 2018, arXiv 1801.09414; Snell et al., "Prototypical Networks for Few-shot
Learning", 2017, arXiv 1703.05175. The projection starts as the principal components of the
untrained features, and the rows as the classes' means, so nothing of ImageNet is lost at the start.
At the end it is joined with those of the trained features, which the training classes do not need.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.models.things import THING_CROP_SIZE, ThingEmbedding
from drivemeta.training.base.backbone import FeatureMaps, trunk_of
from drivemeta.training.base.embedding import episode_loss, margin_loss
from drivemeta.training.base.imagenet import load_imagenet
from drivemeta.training.base.loop import RunPlan, train_level
from drivemeta.training.base.thing_projection import joined_projection, principal_projection
from drivemeta.training.base.thing_sampler import ThingData, ThingSampler, read_things
from drivemeta.training.weights import load_start, write_weights

WEIGHTS = "things.safetensors"
START_VIEWS = 8
START_BATCH = 8


class ThingTraining(BaseModel):
    """What `drivemeta train things CONFIG` reads."""

    model_config = ConfigDict(extra="forbid")

    out: Path
    data: ThingData
    start_from: Path | None = None
    frozen_blocks: int = Field(5, ge=0, le=10)
    classes_per_batch: int = Field(16, gt=1)
    views_per_class: int = Field(4, gt=1)
    minutes: float = Field(35, gt=0)
    learning_rate: float = Field(1e-3, gt=0)
    backbone_factor: float = Field(0.2, gt=0)
    scale: float = Field(24.0, gt=0)
    margin: float = Field(0.15, ge=0)
    episode_weight: float = Field(0.5, ge=0)
    threads: int = Field(1, ge=0)
    seed: int = 0


class TrainableThings(nn.Module):
    """The thing-embedding with one row a training class."""

    def __init__(self, things: ThingEmbedding, n_classes: int) -> None:
        super().__init__()
        self.things = things
        self.rows = nn.Parameter(torch.randn(n_classes, things.dim))

    def predict(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Map maps of the backbone to (n, 128) embeddings and (n, n_classes) cosines."""
        embeddings = self.things.embed(maps)
        return embeddings, embeddings @ F.normalize(self.rows, dim=-1).T


def train_things(config: ThingTraining, *, resume: bool) -> Path:
    """Train the thing-embedding and write its averaged weights in half precision.

    Args:
        config: Configuration of the run.
        resume: Whether to go on from the last checkpoint.

    Returns:
        The file of the weights; the names of the classes lie beside it.
    """
    torch.manual_seed(config.seed)
    if config.threads:
        torch.set_num_threads(config.threads)
    things, others = read_things(config.data, config.seed)
    sampler = ThingSampler(things, others, config.data.others_share, config.seed + 1000 * resume)
    model = TrainableThings(ThingEmbedding(), len(sampler.names))
    if config.start_from is not None:
        load_start(config.start_from, model.things)
    else:  # resumed too: frozen blocks are copied before the checkpoint is read
        load_imagenet(model.things.backbone)
    size = (THING_CROP_SIZE, THING_CROP_SIZE)
    trunk = trunk_of(model.things.backbone, config.frozen_blocks, size, config.threads)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if not resume:
        begin(model, trunk, sampler, whole=config.start_from is None)
    config.out.mkdir(parents=True, exist_ok=True)
    names = json.dumps(sampler.names, indent=1)
    (config.out / "classes.json").write_text(names, encoding="utf-8")
    average = train_level(
        model,
        lambda: sampler.batch(config.classes_per_batch, config.views_per_class),
        _losses_of(model, trunk, config),
        _plan(config),
        resume=resume,
    )
    model.load_state_dict(average)
    finish(model.things, trunk, sampler)
    halves = {name: tensor.half() for name, tensor in model.things.state_dict().items()}
    return write_weights(config.out / WEIGHTS, halves)


def _plan(config: ThingTraining) -> RunPlan:
    return RunPlan(
        config.out,
        config.minutes,
        config.learning_rate,
        backbone_factor=config.backbone_factor,
        warmup_steps=40,
        average_decay=0.99,
    )


def _losses_of(
    model: TrainableThings, trunk: FeatureMaps, config: ThingTraining
) -> Callable[[tuple[Tensor, Tensor]], dict[str, Tensor]]:
    def losses(batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        crops, labels = batch
        embeddings, cosines = model.predict(trunk(crops))
        episode = episode_loss(embeddings, config.views_per_class, config.scale)
        return {
            "margin": margin_loss(cosines, labels, config.scale, config.margin),
            "episode": config.episode_weight * episode,
        }

    return losses


@torch.no_grad()
def begin(
    model: TrainableThings, trunk: FeatureMaps, sampler: ThingSampler, *, whole: bool
) -> None:
    """Set the rows to the means of their classes, and the projection if the `whole` is new."""
    pooled, labels = _features(model.things, trunk, sampler)
    if whole:
        _set(model.things.project, *principal_projection(pooled, model.things.dim))
    embeddings = F.normalize(model.things.project(pooled), dim=-1)
    sums = torch.zeros_like(model.rows).index_add_(0, labels, embeddings)
    model.rows.copy_(F.normalize(sums, dim=-1))


@torch.no_grad()
def finish(things: ThingEmbedding, trunk: FeatureMaps, sampler: ThingSampler) -> None:
    """Join the learnt projection with the principal components of the learnt features."""
    pooled, _ = _features(things, trunk, sampler)
    learnt = (things.project.weight, things.project.bias)
    _set(things.project, *joined_projection(pooled, learnt))


def _features(
    things: ThingEmbedding, trunk: FeatureMaps, sampler: ThingSampler
) -> tuple[Tensor, Tensor]:
    """Return the (n, 768) features and the labels of a few views of every class."""
    features, labels = [], []
    for start in range(0, len(sampler.names), START_BATCH):
        classes = np.arange(start, min(start + START_BATCH, len(sampler.names)))
        crops, found = sampler.views(classes, START_VIEWS)
        features.append(things.features(trunk(crops)))
        labels.append(found)
    return torch.cat(features), torch.cat(labels)


def _set(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
