"""Base training of level 2: a cosine classifier with a margin, and episodes, in one loss.

Wang et al., "CosFace", 2018, arXiv 1801.09414; Snell et al., "Prototypical Networks for Few-shot
Learning", 2017, arXiv 1703.05175.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.data.meanings import meaning_of
from drivemeta.data.sources import load_source
from drivemeta.learn.amp import autocast
from drivemeta.learn.crop_data import (
    CropSampler,
    CropsByClass,
    background_crops,
    light_crops,
    scene_crops,
    sign_crops,
)
from drivemeta.learn.imagenet import load_imagenet
from drivemeta.learn.run import RunPlan, train
from drivemeta.learn.weights import write_weights
from drivemeta.models.level2 import Level2

WEIGHTS = "level2.safetensors"
KINDS = {
    "car": "car",
    "truck": "truck",
    "bus": "bus",
    "person": "person",
    "rider": "rider",
}


class EmbeddingTraining(BaseModel):
    """What `drivemeta train embedding CONFIG` reads."""

    model_config = ConfigDict(extra="forbid")

    out: Path
    data: Path
    countries: list[str] = Field(min_length=1)
    scenes: bool = True
    crops_per_class: int = Field(60, gt=0)
    n_background: int = Field(1500, ge=0)
    classes_per_batch: int = Field(32, gt=1)
    views_per_class: int = Field(4, gt=1)
    minutes: float = Field(30, gt=0)
    learning_rate: float = Field(1e-3, gt=0)
    backbone_factor: float = Field(0.5, gt=0)
    scale: float = Field(24.0, gt=0)
    margin: float = Field(0.2, ge=0)
    episode_weight: float = Field(0.5, ge=0)
    context: float = Field(1.15, ge=1)
    amp: str = "auto"
    threads: int = Field(0, ge=0)
    seed: int = 0


class TrainableLevel2(nn.Module):
    """Level 2 with one row a training class."""

    def __init__(self, level2: Level2, n_classes: int) -> None:
        super().__init__()
        self.level2 = level2
        self.rows = nn.Parameter(torch.randn(n_classes, level2.dim))

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Map crops to (n, dim) embeddings and (n, n_classes) cosines."""
        embeddings: Tensor = self.level2(crops)
        return embeddings, embeddings @ F.normalize(self.rows, dim=-1).T


def train_embedding(config: EmbeddingTraining, *, resume: bool) -> Path:
    """Train level 2 and write its averaged weights and class names; return the weights file."""
    torch.manual_seed(config.seed)
    if config.threads:
        torch.set_num_threads(config.threads)
    sampler = CropSampler(training_crops(config), config.context, config.seed + 1000 * resume)
    model = TrainableLevel2(Level2(), len(sampler.names))
    if not resume:
        load_imagenet(model.level2.backbone)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    config.out.mkdir(parents=True, exist_ok=True)
    names = json.dumps(sampler.names, indent=1)
    (config.out / "classes.json").write_text(names, encoding="utf-8")

    def losses(batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        crops, labels = batch
        with autocast(config.amp):
            embeddings, cosines = model(crops)
        return {
            "margin": margin_loss(cosines.float(), labels, config.scale, config.margin),
            "episode": config.episode_weight
            * episode_loss(embeddings.float(), config.views_per_class, config.scale),
        }

    plan = RunPlan(
        config.out,
        config.minutes,
        config.learning_rate,
        backbone_factor=config.backbone_factor,
    )

    def next_batch() -> tuple[Tensor, Tensor]:
        return sampler.batch(config.classes_per_batch, config.views_per_class)

    average = train(model, next_batch, losses, plan, resume=resume)
    return write_weights(config.out / WEIGHTS, average)


def training_crops(config: EmbeddingTraining) -> CropsByClass:
    """Return all crops that level 2 is trained on, by class name."""
    rng = np.random.default_rng(config.seed)
    crops: CropsByClass = {}
    parts = [
        sign_crops(config.data / "signs", config.countries),
        light_crops(config.data),
    ]
    if config.scenes:
        italy = load_source(config.data / "scenes", "italy", "train")
        names = {str(leaf) for image in italy for leaf in image.leaves}
        meanings = {name: meaning_of("italy", name) for name in names}
        named = {name: meaning for name, meaning in meanings.items() if meaning is not None}
        parts.append(scene_crops(italy, named, config.crops_per_class, rng))
        bdd = load_source(config.data / "scenes", "bdd", "train")
        parts.append(background_crops(bdd + italy, config.n_background, rng))
    for part in parts:
        for name, found in part.items():
            crops.setdefault(name, []).extend(found)
    return {name: found for name, found in crops.items() if len(found) > 1}


def margin_loss(cosines: Tensor, labels: Tensor, scale: float, margin: float) -> Tensor:
    """Return the cross-entropy of scaled cosines, the true class handicapped by the margin.

    Args:
        cosines: (n, n_classes).
        labels: (n,) int64.
        scale: inverse temperature.
        margin: subtracted from the cosine of the true class.
    """
    handicap = F.one_hot(labels, cosines.shape[1]) * margin
    return F.cross_entropy(scale * (cosines - handicap), labels)


def episode_loss(embeddings: Tensor, n_each: int, scale: float) -> Tensor:
    """Return the prototypical loss of a batch of classes with `n_each` views in a row.

    The first half of each class's views are its support, the rest its queries.
    """
    by_class = embeddings.reshape(-1, n_each, embeddings.shape[1])  # (n_way, n_each, dim)
    n_support = n_each // 2
    prototypes = F.normalize(by_class[:, :n_support].mean(1), dim=-1)
    queries = by_class[:, n_support:].flatten(0, 1)  # (n_query, dim)
    labels = torch.arange(len(by_class)).repeat_interleave(n_each - n_support)
    return F.cross_entropy(scale * queries @ prototypes.T, labels)
