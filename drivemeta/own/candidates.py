"""The ways in which a file may be read: those of all layouts that recognise it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from drivemeta.core.boxes import FloatArray
from drivemeta.core.coco_names import COCO_NAMES, COCO_NUMBERS
from drivemeta.errors import InputError, ModelFileError, suggest
from drivemeta.own.file import NOT_BOXES, OwnFile, what_it_is
from drivemeta.own.preparing import PreparedFrame
from drivemeta.plugins.calling import Calling
from drivemeta.plugins.layout.protocol import DetectorLayout
from drivemeta.plugins.layout.signature import Signature
from drivemeta.plugins.layout.way import Fit, Way
from drivemeta.plugins.registry import Registry

SPARE = 64  # slots beyond the classes in which labels of too many classes are seen


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to read a file.

    Attributes:
        name: Name of the layout plugin.
        layout: Plugin itself.
        way: Way to read it.
        names: Names of the classes, in the order of `slots`.
        slots: (n,) int64, place of each class among the scores.
        spare: Whether the file does not say how many classes it has.
    """

    name: str
    layout: DetectorLayout
    way: Way
    names: tuple[str, ...]
    slots: np.ndarray
    spare: bool

    def find(self, file: OwnFile, prepared: PreparedFrame) -> tuple[FloatArray, FloatArray]:
        """Return the boxes found in a frame, (n, 4) in its pixels, and the (n, n_classes) scores.

        Raises:
            ModelFileError: boxes or scores are none.
        """
        outputs = file.run(prepared.image, self.way.frame)
        way = self.way
        if self.spare:
            way = replace(way, n_slots=way.n_slots + SPARE)
        decoding = Calling(self.layout, "decode_arrays")
        with decoding, np.errstate(all="ignore"):
            boxes, scores = self.layout.decode_arrays(way, outputs)
        if not np.isfinite(boxes).all() or not np.isfinite(scores).all():
            raise ModelFileError(f"{self}: it gives boxes or scores that are no numbers")
        if len(scores) and not -1e-3 <= scores.min() <= scores.max() <= 1 + 1e-3:
            raise ModelFileError(
                f"{self}: expected scores in 0 to 1, found {scores.min():.2g} to {scores.max():.2g}"
            )
        if scores[:, self.way.n_slots :].max(initial=0) > 0.05:
            raise ModelFileError(
                f"{self}: it finds classes beyond the {len(self.names)} names given; give all its "
                "names by --names"
            )
        return prepared.to_frame(boxes), scores[:, self.slots]

    def fitted(self, fit: Fit) -> Candidate:
        """Return it with frames fitted into its input in another way."""
        way = replace(self.way, frame=replace(self.way.frame, fit=fit))
        return replace(self, way=way)

    def __str__(self) -> str:
        said = ", ".join(f"{key}={value}" for key, value in self.way.choices.items())
        return f"{self.name} ({said})" if said else self.name


def candidates(
    file: OwnFile,
    names: tuple[str, ...] | None,
    registry: Registry,
    layout: str | None = None,
    choose: Mapping[str, str] | None = None,
) -> list[Candidate]:
    """Return the ways to read a file, those of one layout in its order.

    Args:
        file: Detector's file.
        names: Names of its classes, None if nobody says.
        registry: Plugins that the layouts are found among.
        layout: DetectorLayout that it is, None to have it recognised.
        choose: Choices to take, by name.

    Raises:
        ModelFileError: no layout recognises it, or the number of names fits no way to read it.
        InputError: there is no such choice.
        PluginNotFoundError: there is no such layout.
    """
    known = [layout] if layout else registry.names("layout")
    plugins = {name: registry.create("layout", name) for name in known}
    read = {name: _recognised(plugin, file.signature) for name, plugin in plugins.items()}
    found = [(name, way) for name, ways in read.items() for way in ways]
    if not found or file.signature.metadata.get("task") in NOT_BOXES:
        where = f"layout {layout}" if layout else f"one of the layouts {', '.join(known)}"
        raise ModelFileError(
            f"{file.path}: expected a detector of {where}, found {what_it_is(file.signature)}; add "
            "a layout of your own as docs/plugins/layout.md shows"
        )
    return _fitting(file, _chosen(found, choose or {}), plugins, names)


def _fitting(
    file: OwnFile,
    found: list[tuple[str, Way]],
    plugins: Mapping[str, DetectorLayout],
    names: tuple[str, ...] | None,
) -> list[Candidate]:
    """Return the ways that have as many classes as there are names."""
    counts = sorted({_n_classes(way) for _, way in found} - {0})
    number = " or ".join(map(str, counts))
    if names is None:
        raise ModelFileError(
            f"{file.path}: its {f'{number} ' if number else ''}classes have no names; give them by "
            "--names FILE, or --names coco"
        )
    fitting = [
        Candidate(name, plugins[name], _sized(way, names), names, _slots(way, names), spare)
        for name, way in found
        for spare in [way.n_slots == 0]
        if spare or _n_classes(way) == len(names)
    ]
    fitting = [c for c in fitting if c.way.slots != "coco" or names == COCO_NAMES]
    if not fitting:
        raise ModelFileError(
            f"{file.path}: expected names of {number} classes, as it has, found {len(names)}; give "
            "them by --names"
        )
    return fitting


def _recognised(plugin: DetectorLayout, signature: Signature) -> Sequence[Way]:
    with Calling(plugin, "recognise"):
        return plugin.recognise(signature)


def _chosen(found: list[tuple[str, Way]], choose: Mapping[str, str]) -> list[tuple[str, Way]]:
    """Return the ways that take certain choices."""
    for key, value in choose.items():
        offered = {r.choices[key] for _, r in found if key in r.choices}
        if not offered:
            keys = sorted({key for _, r in found for key in r.choices})
            raise InputError(f"--choose: nothing to choose is called {key!r}; {suggest(key, keys)}")
        if value not in offered:
            raise InputError(f"--choose {key}: no such value {value!r}; {suggest(value, offered)}")
        found = [(name, r) for name, r in found if r.choices.get(key) == value]
    return found


def _n_classes(way: Way) -> int:
    """Return how many classes a way to read has, 0 where the file does not say."""
    if way.slots == "coco":
        return len(COCO_NAMES)
    return max(0, way.n_slots - (way.slots != "plain"))


def _sized(way: Way, names: tuple[str, ...]) -> Way:
    """Return a way to read that knows its number of scores."""
    if way.n_slots:
        return way
    n = COCO_NUMBERS[-1] + 1 if way.slots == "coco" else len(names) + (way.slots != "plain")
    return replace(way, n_slots=n)


def _slots(way: Way, names: tuple[str, ...]) -> np.ndarray:
    if way.slots == "coco":
        return np.array(COCO_NUMBERS, np.int64)
    return np.arange(len(names), dtype=np.int64) + (way.slots == "first")
