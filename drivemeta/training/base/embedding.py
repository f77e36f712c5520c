"""Base training of level 2: a cosine classifier with a margin, and episodes, in one loss.

Wang et al., "CosFace", 2018, arXiv 1801.09414; Snell et al., "Prototypical Networks for Few-shot
Learning", 2017, arXiv 1703.05175.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.banks.named import BACKGROUND
from drivemeta.data.meanings import meaning_of
from drivemeta.errors import ConfigError
from drivemeta.files import atomic_path
from drivemeta.models.level2 import CROP_SIZE, Level2
from drivemeta.models.store import load_base
from drivemeta.plugins.registry import Registry
from drivemeta.training.base.backbone import FeatureMaps, trunk_of
from drivemeta.training.base.imagenet import load_imagenet
from drivemeta.training.base.level2_crops import (
    SCENE_CONTEXT,
    ClassCropSampler,
    CropsByClass,
    background_crops,
    light_crops,
    mined_crops,
    scene_crops,
    sign_crops,
    vehicle_light_crops,
)
from drivemeta.training.base.loop import RunPlan, train_level
from drivemeta.training.base.sources import SourceImage, load_source
from drivemeta.training.crops import Crop
from drivemeta.training.precision import Amp, autocast
from drivemeta.training.weights import load_start, write_weights

WEIGHTS = "level2.safetensors"
MINED = "mined.safetensors"
KIND_FACTOR = 5
KINDS = ("car", "truck", "bus", "person", "rider")


class EmbeddingTraining(BaseModel):
    """What `drivemeta train embedding CONFIG` reads."""

    model_config = ConfigDict(extra="forbid")

    out: Path
    data: Path
    countries: list[str] = Field(min_length=1)
    scenes: bool = True
    lights: bool = True
    exclude_meanings: list[str] = []
    start_from: Path | None = None
    frozen_blocks: int = Field(0, ge=0, le=10)
    crops_per_class: int = Field(60, gt=0)
    n_background: int = Field(1500, ge=0)
    n_mined: int = Field(0, ge=0)
    classes_per_batch: int = Field(32, gt=1)
    views_per_class: int = Field(4, gt=1)
    minutes: float = Field(30, gt=0)
    learning_rate: float = Field(1e-3, gt=0)
    backbone_factor: float = Field(0.5, gt=0)
    scale: float = Field(24.0, gt=0)
    margin: float = Field(0.2, ge=0)
    episode_weight: float = Field(0.5, ge=0)
    context: float = Field(1.15, ge=1)
    amp: Amp = "auto"
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
        return self.predict(self.level2.backbone(crops))

    def predict(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Map the feature maps of the backbone to the same."""
        embeddings = self.level2.embed(features)
        return embeddings, embeddings @ F.normalize(self.rows, dim=-1).T


def train_embedding(
    config: EmbeddingTraining, *, resume: bool, registry: Registry | None = None
) -> Path:
    """Train level 2 and write its averaged weights and class names; return the weights file.

    Args:
        config: Configuration of the run.
        resume: Whether to go on from the last checkpoint.
        registry: Plugins that level 1 of the base, which mines crops, is found among; those of
            `default_registry` by default.
    """
    torch.manual_seed(config.seed)
    if config.threads:
        torch.set_num_threads(config.threads)
    sampler = ClassCropSampler(
        training_crops(config, registry), config.context, config.seed + 1000 * resume
    )
    model = TrainableLevel2(Level2(), len(sampler.names))
    if config.start_from is not None:
        load_start(config.start_from, model.level2, "level2.")
    else:  # resumed too: frozen blocks are copied before the checkpoint is read
        load_imagenet(model.level2.backbone)
    size = (CROP_SIZE, CROP_SIZE)
    trunk = trunk_of(model.level2.backbone, config.frozen_blocks, size, config.threads)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    config.out.mkdir(parents=True, exist_ok=True)
    names = json.dumps(sampler.names, indent=1)
    (config.out / "classes.json").write_text(names, encoding="utf-8")
    factor = config.backbone_factor
    plan = RunPlan(config.out, config.minutes, config.learning_rate, backbone_factor=factor)

    def next_batch() -> tuple[Tensor, Tensor]:
        return sampler.batch(config.classes_per_batch, config.views_per_class)

    losses = _losses_of(model, trunk, config)
    average = train_level(model, next_batch, losses, plan, resume=resume)
    return write_weights(config.out / WEIGHTS, average)


def _losses_of(
    model: TrainableLevel2, trunk: FeatureMaps, config: EmbeddingTraining
) -> Callable[[tuple[Tensor, Tensor]], dict[str, Tensor]]:
    def losses(batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        crops, labels = batch
        with autocast(config.amp):
            embeddings, cosines = model.predict(trunk(crops))
        episode = episode_loss(embeddings.float(), config.views_per_class, config.scale)
        return {
            "margin": margin_loss(cosines.float(), labels, config.scale, config.margin),
            "episode": config.episode_weight * episode,
        }

    return losses


def training_crops(config: EmbeddingTraining, registry: Registry | None = None) -> CropsByClass:
    """Return all crops that level 2 is trained on, by class name."""
    rng = np.random.default_rng(config.seed)
    crops: CropsByClass = {}
    parts = [sign_crops(config.data / "signs", config.countries)]
    if config.lights:
        parts.append(light_crops(config.data))
    if config.scenes:
        italy = load_source(config.data / "scenes", "italy", "train")
        names = {str(leaf) for image in italy for leaf in image.leaves}
        meanings = {name: meaning_of("italy", name) for name in names}
        named = {name: meaning for name, meaning in meanings.items() if meaning is not None}
        parts.append(scene_crops(italy, named, config.crops_per_class, rng))
        bdd = load_source(config.data / "scenes", "bdd", "train")
        kinds = {name: name for name in KINDS}
        parts.append(scene_crops(bdd, kinds, KIND_FACTOR * config.crops_per_class, rng))
        parts.append(vehicle_light_crops(bdd, KIND_FACTOR * config.crops_per_class, rng))
        parts.append(background_crops(bdd + italy, config.n_background, rng))
        if config.n_mined:
            parts.append(_mined(config, bdd + italy, rng, registry))
    for part in parts:
        for name, found in part.items():
            crops.setdefault(name, []).extend(found)
    excluded = set(config.exclude_meanings)
    if unknown := excluded - crops.keys():
        raise ConfigError(f"exclude_meanings: no such class: {', '.join(sorted(unknown))}")
    kept = {name: found for name, found in crops.items() if name not in excluded}
    return {name: found for name, found in kept.items() if len(found) > 1}


def _mined(
    config: EmbeddingTraining,
    images: list[SourceImage],
    rng: np.random.Generator,
    registry: Registry | None,
) -> CropsByClass:
    """Return what the shipped base wrongly takes for objects; kept in the run's folder."""
    path = config.out / MINED
    if not path.is_file():
        crops = mined_crops(images, load_base(registry), config.n_mined, rng)[BACKGROUND]
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as partial:
            save_file({"crops": np.stack([crop.image for crop in crops])}, partial)
    stored = load_file(path)["crops"]
    return {BACKGROUND: [Crop(image, SCENE_CONTEXT) for image in stored]}


def margin_loss(cosines: Tensor, labels: Tensor, scale: float, margin: float) -> Tensor:
    """Return the cross-entropy of scaled cosines, the true class handicapped by the margin.

    Args:
        cosines: (n, n_classes).
        labels: (n,) int64.
        scale: Inverse temperature.
        margin: Margin that is subtracted from the cosine of the true class.
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
