"""What is adapted to and what is scored: the protocols of the few-shot benchmark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers import read_coco
from drivemeta.data.support import draw_boxes
from drivemeta.errors import InputError
from drivemeta.evaluation.fewshot import Draw, draw_seed

HALVES = Path(__file__).with_name("italy_halves.json")
LEAST_SUPPORT, LEAST_QUERY = 10, 3
VEHICLES = ("car", "bus", "truck", "train")  # as BDD names them
LIGHT_STATES = {"Red Light": "red_light", "Green Light": "green_light"}


@dataclass(frozen=True, eq=False)
class Protocol:
    """One few-shot problem.

    Attributes:
        name: Problem, `italy`, `vietnam` or `lights`, or the part measured, as `italy, half B`.
        support: Images with boxes of the novel classes only, that shots are drawn from.
        truth: Images that are scored, with the novel classes and then their base class.
        shared: Whether support and truth hold the same images, and those drawn are not scored.
        limit: Most images scored, None for all.
    """

    name: str
    support: Dataset
    truth: Dataset
    shared: bool
    limit: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The novel classes."""
        return self.truth.classes[:-1]

    @property
    def base(self) -> str:
        """The super-class of the novel classes."""
        return self.truth.classes[-1]

    def draw(self, shots: Sequence[int], seed: int) -> Draw:
        """Draw the supports of one seed and the images they are scored on."""
        if self.shared:
            found = draw_seed(self.support, shots, seed)
        else:
            supports = {n: draw_boxes(self.support, n, seed) for n in shots}
            found = Draw(seed, supports, np.arange(len(self.truth)))
        return replace(found, query=found.query[: self.limit])

    def boxes(self) -> dict[str, tuple[int, int]]:
        """Return how many boxes each novel class has to draw from and to be found."""
        drawn, found = self.support.n_boxes(), self.truth.n_boxes()
        return {name: (drawn[name], found[name]) for name in self.names}


def italy(scenes: Path, half: str) -> Protocol:
    """Twelve classes of Italian signs; half `A` to choose on, `B` to report, `all`."""
    folder = scenes / "italy"
    names = json.loads((folder / "splits.json").read_text(encoding="utf-8"))["dev_novel"]
    dataset = read_coco(folder / "annotations.json").split("novel")
    if half != "all":
        files = set(json.loads(HALVES.read_text(encoding="utf-8"))[half])
        dataset = dataset.select(lambda image: image.path.name in files)
    title = "italy" if half == "all" else f"italy, half {half}"
    support = dataset.map_classes({name: name for name in names}, names)
    return Protocol(title, support, _truth(dataset, names, "traffic_sign"), shared=True)


def vietnam(scenes: Path) -> Protocol:
    """Signs of a country never met: shots from the drives of `train`, scored on those of `val`."""
    dataset = read_coco(scenes / "vietnam" / "annotations.json")
    drawn, found = (dataset.split(split).n_boxes() for split in ("train", "val"))
    names = [
        name
        for name in dataset.classes
        if drawn[name] >= LEAST_SUPPORT and found[name] >= LEAST_QUERY
    ]
    return _by_split("vietnam", dataset, names, "traffic_sign")


def lights(scenes: Path) -> Protocol:
    """Red and green lights: shots from `train`, scored on `val`."""
    dataset = read_coco(scenes / "lights-asia" / "annotations.json")
    states = dataset.map_classes(LIGHT_STATES, list(LIGHT_STATES.values()))
    return _by_split("lights", states, states.classes, "traffic_light")


def vehicles(scenes: Path, kind: str) -> Protocol:
    """One kind of vehicle of BDD: shots from `train`, scored on `val` beside all vehicles."""
    dataset = read_coco(scenes / "bdd" / "annotations.json")
    named = dict.fromkeys(VEHICLES, "vehicle") | {kind: kind}
    dataset = dataset.map_classes(named, [kind, "vehicle"])
    return _by_split(f"bdd, {kind}", dataset, [kind], "vehicle")


def protocol_named(name: str, scenes: Path, half: str) -> Protocol:
    """Return a protocol by name.

    Raises:
        InputError: There is none of that name.
    """
    if name == "italy":
        return italy(scenes, half)
    if name == "vietnam":
        return vietnam(scenes)
    if name == "lights":
        return lights(scenes)
    raise InputError(f"unknown protocol {name!r}: expected italy, vietnam or lights")


def _by_split(name: str, dataset: Dataset, novel: Sequence[str], base: str) -> Protocol:
    support = dataset.split("train").map_classes({name: name for name in novel}, novel)
    return Protocol(name, support, _truth(dataset.split("val"), novel, base), shared=False)


def _truth(dataset: Dataset, names: Sequence[str], base: str) -> Dataset:
    """Return the data set with its other classes merged into the base class."""
    merged = {name: name if name in names else base for name in dataset.classes}
    return dataset.map_classes(merged, [*names, base])
