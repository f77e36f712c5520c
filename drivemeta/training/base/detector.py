"""Base training of level 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, field_validator
from torch import Tensor

from drivemeta.core import SUPER_CLASSES
from drivemeta.errors import AnnotationError
from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.synthetic import CocoOptions, write_coco
from drivemeta.training.base.backbone import FeatureMaps, trunk_of
from drivemeta.training.base.imagenet import load_imagenet
from drivemeta.training.base.level1_crops import CropRule, FrameCropSampler
from drivemeta.training.base.level1_loss import (
    Targets,
    TrainableLevel1,
    detector_loss,
)
from drivemeta.training.base.level1_start import load_level1
from drivemeta.training.base.loop import RunPlan, train_level
from drivemeta.training.base.sources import SourceImage, load_source
from drivemeta.training.precision import Amp, autocast
from drivemeta.training.weights import write_weights

WEIGHTS = "level1.safetensors"
SYNTHETIC = "synthetic"
SYNTHETIC_SEED = 7000


class SourceShare(BaseModel):
    """One source of training images.

    Attributes:
        name: of its folder, a key of `SOURCES`.
        share: of the crops, relative to those of the other sources.
        scenes: folder that holds its folder; `scenes` in the data folder if absent.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    share: float = Field(gt=0)
    scenes: Path | None = None


class DetectorTraining(BaseModel):
    """What `drivemeta train detector CONFIG` reads."""

    model_config = ConfigDict(extra="forbid")

    out: Path
    data: Path
    sources: list[SourceShare] = Field(min_length=1)
    n_synthetic: int = Field(0, ge=0)
    sign_crops: list[str] = []
    paste: float = Field(0.2, ge=0, le=1)
    focus: dict[str, PositiveFloat] = {}
    crop: tuple[int, int] = (320, 512)
    reference: tuple[int, int] = (576, 1024)
    zoom: tuple[float, float] = (0.5, 1.25)
    batch: int = Field(8, gt=0)
    minutes: float = Field(90, gt=0)
    steps: int | None = Field(None, gt=0)
    warmup_steps: int = Field(200, gt=0)
    learning_rate: float = Field(1e-3, gt=0)
    box_weight: float = Field(2.0, gt=0)
    frozen_blocks: int = Field(3, ge=0, le=16)
    start_from: Path | None = None
    detector: str = "lite"
    detector_params: dict[str, int] = {}
    average_decay: float = Field(0.995, ge=0, lt=1)
    amp: Amp = "auto"
    threads: int = Field(0, ge=0)
    seed: int = 0

    @field_validator("focus")
    @classmethod
    def _known(cls, focus: dict[str, float]) -> dict[str, float]:
        for name in focus:
            if name not in SUPER_CLASSES:
                raise ValueError(f"expected classes among {SUPER_CLASSES}, found {name!r}")
        return focus


def train_detector(
    config: DetectorTraining, *, resume: bool, registry: Registry | None = None
) -> Path:
    """Train level 1 and write its averaged weights; return the file.

    Args:
        config: Configuration of the run.
        resume: Whether to go on from the last checkpoint.
        registry: Plugins that level 1 is found among; those of `default_registry` by default.

    Raises:
        InputError: data or ImageNet weights are missing.
    """
    torch.manual_seed(config.seed)
    if config.threads:
        torch.set_num_threads(config.threads)
    registry = registry or default_registry()
    level1 = registry.create("detector", config.detector, **config.detector_params)
    model = TrainableLevel1(level1, len(SUPER_CLASSES))
    if config.start_from is not None:
        load_level1(config.start_from, model)
    else:  # resumed too: frozen blocks are copied before the checkpoint is read
        load_imagenet(model.level1.backbone)
    trunk = trunk_of(model.level1.backbone, config.frozen_blocks, config.crop, config.threads)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    sampler = sampler_of(config, resume=resume)
    losses = _losses_of(model, trunk, config)
    plan = RunPlan(
        config.out,
        config.minutes,
        config.learning_rate,
        warmup_steps=config.warmup_steps,
        average_decay=config.average_decay,
        steps=config.steps,
    )
    average = train_level(model, lambda: sampler.batch(config.batch), losses, plan, resume=resume)
    return write_weights(config.out / WEIGHTS, average)


def _losses_of(
    model: TrainableLevel1, trunk: FeatureMaps, config: DetectorTraining
) -> Callable[[tuple[Tensor, list[Targets]]], dict[str, Tensor]]:
    def losses(batch: tuple[Tensor, list[Targets]]) -> dict[str, Tensor]:
        images, targets = batch
        with autocast(config.amp):
            output, logits = model.predict(trunk(images))
        height, width = config.crop
        parts = detector_loss(output, logits, targets, (height, width))
        return {
            "class": parts["class"],
            "quality": parts["quality"],
            "box": config.box_weight * parts["box"],
        }

    return losses


def sampler_of(config: DetectorTraining, *, resume: bool) -> FrameCropSampler:
    """Return what draws the training crops of a configuration."""
    sources: list[tuple[list[SourceImage], float]] = [
        (load_source(_scenes(config, source), source.name, "train"), source.share)
        for source in config.sources
    ]
    height, width = config.crop
    rule = CropRule(
        (height, width),
        reference=config.reference,
        zoom=config.zoom,
        paste=config.paste if config.sign_crops else 0.0,
        focus={SUPER_CLASSES.index(name): weight for name, weight in config.focus.items()},
    )
    pasted = sign_crop_files(config.data, config.sign_crops)
    # A resumed run draws other crops than those it has seen.
    return FrameCropSampler(sources, rule, pasted, config.seed + 1000 * resume)


def _scenes(config: DetectorTraining, source: SourceShare) -> Path:
    """Return what holds a source; synthetic frames are rendered into the run's own, once."""
    if source.name != SYNTHETIC:
        return source.scenes or config.data / "scenes"
    folder = config.out / SYNTHETIC
    if not (folder / SYNTHETIC / "annotations.json").is_file():
        write_coco(folder / SYNTHETIC, config.n_synthetic, SYNTHETIC_SEED, CocoOptions(frames=2))
    return folder


def sign_crop_files(root: Path, countries: list[str]) -> list[str]:
    """Return the files of all sign crops of the countries named, sorted."""
    files: list[str] = []
    for country in countries:
        folder = root / "signs" / country
        found = sorted(str(path) for path in folder.glob("*/*.jpg"))
        if not found:
            raise AnnotationError(f"expected sign crops (CLASS/*.jpg), found none in {folder}")
        files += found
    return files
