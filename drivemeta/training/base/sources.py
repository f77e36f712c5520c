"""The annotated sources that the base is trained and measured on, as five super-classes.

Each source annotates different things. What one does not annotate is not background there:
coverage says, for each super-class, whether its annotation is `COMPLETE` (unmatched places are
background), `PARTIAL` (boxes count, unmatched places teach nothing) or `NONE`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import SUPER_CLASSES
from drivemeta.core.boxes import FloatArray, box_area
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.readers.coco import read_coco
from drivemeta.errors import InputError, suggest

NONE, PARTIAL, COMPLETE = 0, 1, 2
_LEAST_SHARE = 0.2


@dataclass(frozen=True)
class SourceSpec:
    """What a source annotates and how its categories become super-classes.

    Attributes:
        name: Name of its folder.
        classes: Super-class by category; the category `*` stands for all others.
        coverage: Coverage of the super-classes, in their order.
        riders: Categories of persons who may sit on a cycle.
        cycles: Categories of cycles: one under a rider joins it as a cyclist, a lone one is
            ignored.
        lone_rider: Super-class of a rider without a cycle.
        has_leaves: Whether its categories are leaves below the super-classes, not groups of them.
        mirror: Whether images may be mirrored; not where sides carry meaning.
    """

    name: str
    classes: Mapping[str, str]
    coverage: tuple[int, int, int, int, int]
    riders: frozenset[str] = frozenset()
    cycles: frozenset[str] = frozenset()
    lone_rider: str = "cyclist"
    has_leaves: bool = False
    mirror: bool = False

    def super_class(self, category: str) -> str | None:
        """Return the super-class of a category, or None if it is none."""
        return self.classes.get(category, self.classes.get("*"))

    @property
    def complete(self) -> tuple[str, ...]:
        """The super-classes of which every object is annotated."""
        return tuple(
            name
            for name, coverage in zip(SUPER_CLASSES, self.coverage, strict=True)
            if coverage == COMPLETE
        )


_SIGN, _LIGHT, _VEHICLE = "traffic_sign", "traffic_light", "vehicle"

_BDD = SourceSpec(
    "bdd",
    {
        **dict.fromkeys(("car", "truck", "bus", "train"), _VEHICLE),
        "person": "pedestrian",
        "traffic light": _LIGHT,
        "traffic sign": _SIGN,
    },
    (COMPLETE, COMPLETE, COMPLETE, COMPLETE, COMPLETE),
    riders=frozenset({"rider"}),
    cycles=frozenset({"bike", "motor"}),
    has_leaves=True,
    mirror=True,
)
_KITTI = SourceSpec(
    "kitti",
    {"Car": _VEHICLE, "Pedestrian": "pedestrian", "Cyclist": "cyclist"},
    (COMPLETE, COMPLETE, COMPLETE, NONE, NONE),
    mirror=True,
)

SOURCES: dict[str, SourceSpec] = {
    spec.name: spec
    for spec in (
        _BDD,
        replace(_BDD, name="bdd-more"),
        _KITTI,
        replace(_KITTI, name="kitti-more"),
        SourceSpec(
            "coco",
            {
                **dict.fromkeys(("car", "truck", "bus", "train"), _VEHICLE),
                "traffic light": _LIGHT,
                "stop sign": _SIGN,
            },
            (COMPLETE, COMPLETE, PARTIAL, COMPLETE, PARTIAL),
            riders=frozenset({"person"}),
            cycles=frozenset({"bicycle", "motorcycle"}),
            lone_rider="pedestrian",
            mirror=True,
        ),
        SourceSpec(
            "synthetic",
            {**{name: name for name in SUPER_CLASSES}, "*": _SIGN},
            (COMPLETE, COMPLETE, COMPLETE, COMPLETE, COMPLETE),
            has_leaves=True,
        ),
        SourceSpec("italy", {"*": _SIGN}, (NONE, NONE, NONE, NONE, COMPLETE), has_leaves=True),
        SourceSpec("vietnam", {"*": _SIGN}, (NONE, NONE, NONE, NONE, PARTIAL), has_leaves=True),
        SourceSpec(
            "road-signs",
            {"trafficlight": _LIGHT, "*": _SIGN},
            (NONE, NONE, NONE, PARTIAL, PARTIAL),
            has_leaves=True,
        ),
        SourceSpec(
            "lights-asia",
            {"Green Light": _LIGHT, "Red Light": _LIGHT, "*": _SIGN},
            (NONE, NONE, NONE, PARTIAL, PARTIAL),
            has_leaves=True,
        ),
    )
}


@dataclass(frozen=True, eq=False)
class SourceImage:
    """One image of a source in super-classes.

    Attributes:
        path: Image file.
        size: Height and width in pixels.
        boxes: (n, 4) float32 xyxy in pixels.
        labels: (n,) int64, indices into `SUPER_CLASSES`.
        ignore: (n,) bool, regions that teach and score nothing, whatever their label.
        leaves: Source's own category of each box where it is finer than the super-class.
        coverage: (5,) int64, `NONE`, `PARTIAL` or `COMPLETE` for each super-class.
        mirror: Whether the image may be mirrored.
        sign_label: Index of the super-class of signs.
        attributes: What else the source says of it (`split`, `clip`, ...).
    """

    path: Path
    size: tuple[int, int]
    boxes: FloatArray
    labels: NDArray[np.int64]
    ignore: NDArray[np.bool_]
    leaves: tuple[str | None, ...]
    coverage: NDArray[np.int64]
    mirror: bool = False
    sign_label: int = SUPER_CLASSES.index(_SIGN)
    attributes: Mapping[str, object] = field(default_factory=dict)


def load_source(root: str | Path, name: str, split: str | None = None) -> list[SourceImage]:
    """Read one source.

    Args:
        root: Folder that holds the folders of the sources.
        name: Name of the source, a key of `SOURCES`.
        split: Split that images are of, None for all.

    Raises:
        InputError: no source has that name, or it has no image of that split.
        AnnotationError: its annotations are invalid.
    """
    if name not in SOURCES:
        raise InputError(f"unknown source {name!r}; {suggest(name, SOURCES)}")
    spec = SOURCES[name]
    dataset = read_coco(Path(root) / name / "annotations.json")
    chosen = dataset if split is None else dataset.split(split)
    if not len(chosen):
        splits = {str(image.attributes.get("split")) for image in dataset.images}
        raise InputError(f"{dataset.source}: no image of split {split!r}; {suggest('', splits)}")
    return [_convert(image, spec, dataset.classes) for image in chosen.images]


def to_dataset(images: Sequence[SourceImage]) -> Dataset:
    """Return source images as a data set of the super-classes, for scoring.

    A region to ignore counts for every super-class.
    """
    n = len(SUPER_CLASSES)
    converted = []
    for image in images:
        learnt, ignored = image.boxes[~image.ignore], image.boxes[image.ignore]
        labels = image.labels[~image.ignore]
        converted.append(
            AnnotatedImage(
                path=image.path,
                size=image.size,
                boxes=np.concatenate([learnt, np.repeat(ignored, n, axis=0)]),
                labels=np.concatenate([labels, np.tile(np.arange(n), len(ignored))]),
                ignore=np.arange(len(learnt) + n * len(ignored)) >= len(learnt),
                attributes=image.attributes,
            )
        )
    return Dataset(tuple(converted), SUPER_CLASSES)


def _convert(image: AnnotatedImage, spec: SourceSpec, classes: Sequence[str]) -> SourceImage:
    names = [classes[label] for label in image.labels]
    boxes, ignore = image.boxes.copy(), image.ignore.copy()
    supers = [spec.super_class(name) for name in names]
    riders = [i for i, name in enumerate(names) if name in spec.riders]
    cycles = [i for i, name in enumerate(names) if name in spec.cycles]
    ridden = _pairs(boxes, riders, cycles)
    for rider in riders:
        supers[rider] = "cyclist" if rider in ridden else spec.lone_rider
        if rider in ridden:
            boxes[rider] = _union(boxes[rider], boxes[ridden[rider]])
    for cycle in cycles:
        supers[cycle] = None if cycle in ridden.values() else "cyclist"
        ignore[cycle] = True
    kept = [i for i, name in enumerate(supers) if name is not None]
    return SourceImage(
        path=image.path,
        size=image.size,
        boxes=boxes[kept],
        labels=np.array([SUPER_CLASSES.index(str(supers[i])) for i in kept], np.int64),
        ignore=ignore[kept],
        leaves=tuple(names[i] if spec.has_leaves else None for i in kept),
        coverage=np.array(spec.coverage, np.int64),
        mirror=spec.mirror,
        attributes=image.attributes,
    )


def _pairs(boxes: FloatArray, riders: list[int], cycles: list[int]) -> dict[int, int]:
    """Match riders to the cycles they sit on, the greatest shared part of either first."""
    overlaps = []
    for rider in riders:
        for cycle in cycles:
            low = np.maximum(boxes[rider, :2], boxes[cycle, :2])
            high = np.minimum(boxes[rider, 2:], boxes[cycle, 2:])
            shared = float(np.prod(np.maximum(high - low, 0)))
            areas = box_area(boxes[[rider, cycle]])
            share = shared / max(float(areas.min()), 1e-6)
            on_top = boxes[rider, 1] < boxes[cycle, 1] + 0.1 * (boxes[cycle, 3] - boxes[cycle, 1])
            if share >= _LEAST_SHARE and on_top:
                overlaps.append((share, rider, cycle))
    pairs: dict[int, int] = {}
    for _, rider, cycle in sorted(overlaps, reverse=True):
        if rider not in pairs and cycle not in pairs.values():
            pairs[rider] = cycle
    return pairs


def _union(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])])
