"""Which things the thing-embedding is trained with, and how its batches are drawn."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from drivemeta.errors import ConfigError, suggest
from drivemeta.training.base.thing_crops import SCENE_KINDS, Thing, read_kinds, scene_things
from drivemeta.training.base.thing_views import varied_view, views_to_tensor

ThingsByClass = dict[str, list[Thing]]


class SceneSource(BaseModel):
    """Scenes whose boxes are training things.

    Attributes:
        folder: Folder with `annotations.json` and `images`.
        kinds: Source that its categories are named as, a key of `SCENE_KINDS`.
        split: Split that images are of; all of them by default.
    """

    model_config = ConfigDict(extra="forbid")

    folder: Path
    kinds: str
    split: str | None = None


class ThingData(BaseModel):
    """What things are trained with.

    Attributes:
        kinds: Folders with lists of crops: the kinds that matter.
        others: Folders with lists of crops of other kinds, against forgetting.
        scenes: Sources of scenes.
        held_out: JSON file with lists of classes (`kinds`, `roads`, `alike`) that are left out.
        per_class: Greatest number of things a class and list.
        per_scene_class: The same of a class and source of scenes.
        least_side: Least side of a box in scenes, in pixels.
        others_share: Share of a batch's classes that are of `others`.
    """

    model_config = ConfigDict(extra="forbid")

    kinds: list[Path] = Field(min_length=1)
    others: list[Path] = []
    scenes: list[SceneSource] = []
    held_out: Path | None = None
    per_class: int = Field(400, gt=1)
    per_scene_class: int = Field(1200, gt=1)
    least_side: float = Field(16.0, gt=0)
    others_share: float = Field(0.35, ge=0, le=1)


def held_out_classes(path: Path | None) -> set[str]:
    """Return all classes that a list holds out of training; none without a list.

    Raises:
        ConfigError: the list is missing or no list of classes.
    """
    if path is None:
        return set()
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))
        return {str(name) for key in ("kinds", "roads", "alike") for name in lists[key]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"held_out: expected JSON with the lists kinds, roads and alike at {path}: {error}"
        ) from error


def read_things(data: ThingData, seed: int) -> tuple[ThingsByClass, set[str]]:
    """Return all training things by class, and the names of the classes that are `others`.

    Raises:
        ConfigError: a source of scenes is unknown, or nothing is left.
    """
    rng = np.random.default_rng(seed)
    held = held_out_classes(data.held_out)

    def wanted(name: str) -> bool:
        return name not in held

    parts = [read_kinds(folder, wanted, data.per_class, rng) for folder in data.kinds]
    for scene in data.scenes:
        if scene.kinds not in SCENE_KINDS:
            raise ConfigError(f"scenes: kinds {scene.kinds!r}; {suggest(scene.kinds, SCENE_KINDS)}")
        names = {k: v for k, v in SCENE_KINDS[scene.kinds].items() if v not in held}
        rule = (data.least_side, scene.split, data.per_scene_class)
        parts.append(scene_things(scene.folder, names, *rule, rng=rng))
    others = [read_kinds(folder, wanted, data.per_class, rng) for folder in data.others]
    things: ThingsByClass = defaultdict(list)
    for thing in (thing for part in [*parts, *others] for thing in part):
        things[thing.name].append(thing)
    kept = {name: found for name, found in things.items() if len(found) > 1}
    named = {thing.name for part in parts for thing in part}
    return kept, kept.keys() - named


class ThingSampler:
    """Draws batches of `n_classes` classes with `n_each` varied views of each.

    Args:
        things: Things by class name; classes are numbered in sorted order.
        others: Names of the classes that are drawn less.
        others_share: Share of theirs in a batch.
        seed: Seed of all that is random.
    """

    def __init__(
        self, things: ThingsByClass, others: set[str], others_share: float, seed: int
    ) -> None:
        self.names = tuple(sorted(things))
        self._things = [things[name] for name in self.names]
        minor = np.array([name in others for name in self.names])
        weights = np.sqrt([min(len(found), 800) for found in self._things])
        for part, share in ((minor, others_share), (~minor, 1 - others_share)):
            weights[part] *= share / max(weights[part].sum(), 1e-9)
        self._weights = weights / weights.sum()
        self._rng = np.random.default_rng(seed)

    def batch(self, n_classes: int, n_each: int) -> tuple[Tensor, Tensor]:
        """Return (n_classes * n_each, 3, 112, 112) float RGB in [0, 1] and int64 labels."""
        n = min(n_classes, int((self._weights > 0).sum()))
        return self.views(
            self._rng.choice(len(self.names), n, replace=False, p=self._weights), n_each
        )

    def views(self, classes: NDArray[np.int64], n_each: int) -> tuple[Tensor, Tensor]:
        """Return the same of given classes."""
        rng = self._rng
        labels = np.repeat(classes, n_each)
        views = []
        for label in labels:
            found = self._things[label]
            views.append(varied_view(found[rng.integers(len(found))], rng))
        return views_to_tensor(views), torch.from_numpy(labels)
