"""Traffic signs as vector pictograms: the catalogue, and what is kept back for the demo."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from drivemeta.errors import InputError, suggest
from drivemeta.synthetic import symbols as sym
from drivemeta.synthetic.pen import Colour, Image, Pen
from drivemeta.synthetic.plates import (
    BLACK,
    RED,
    WHITE,
    YELLOW,
    draw_plate,
)

_SIDE = 512
_SPRITE = 192
_WIDTHS_M = {"warning": 0.9, "give_way": 0.9, "stop": 0.8, "prohibition": 0.65}


@dataclass(frozen=True)
class Pictogram:
    """What a sign looks like.

    Attributes:
        plate: Shape and colours of the plate.
        symbol: Drawing on the plate.
    """

    plate: str
    symbol: sym.Symbol | None = None

    @property
    def width_m(self) -> float:
        """Width of the plate in metres."""
        return _WIDTHS_M.get(self.plate, 0.65)


def _warning(symbol: sym.Symbol) -> Pictogram:
    return Pictogram("warning", sym.at(symbol, 0.5, 0.0, 0.24))


def _ban(symbol: sym.Symbol | None) -> Pictogram:
    return Pictogram("prohibition", symbol and sym.at(symbol, 0.68))


def _order(symbol: sym.Symbol) -> Pictogram:
    return Pictogram("mandatory", sym.at(symbol, 0.85))


def _info(symbol: sym.Symbol) -> Pictogram:
    return Pictogram("info", sym.at(symbol, 0.85))


def _slash(pen: Pen, _ink: Colour) -> None:
    pen.line([(-0.78, -0.78), (0.78, 0.78)], 0.2, RED)


def _zebra(pen: Pen, ink: Colour) -> None:
    pen.polygon([(0, -0.8), (0.82, 0.62), (-0.82, 0.62)], WHITE)
    sym.at(sym.walker, 0.6, 0, 0.12)(pen, BLACK)
    for x in (-0.5, -0.25, 0.0, 0.25, 0.5):
        pen.line([(x, 0.56), (x * 0.85, 0.48)], 0.09, ink if ink != WHITE else BLACK)


def _mast(pen: Pen, _ink: Colour) -> None:
    pen.polygon([(-0.14, -0.2), (0.14, -0.2), (0.14, 0.8), (-0.14, 0.8)], WHITE)
    pen.polygon([(-0.7, -0.6), (0.7, -0.6), (0.7, -0.2), (-0.7, -0.2)], RED)


_CURVE = sym.path((-0.25, 0.7), (-0.25, 0.1), (0.3, -0.6), width=0.2)
_BEND = sym.path((0.0, 0.75), (0.25, 0.3), (-0.25, -0.1), (0.1, -0.7), width=0.18)
_UP, _RIGHT = (
    sym.path((0, 0.75), (0, -0.75), width=0.26),
    sym.path((-0.75, 0), (0.75, 0), width=0.26),
)
_TURN = sym.path((-0.3, 0.75), (-0.3, -0.2), (0.75, -0.2), width=0.24)
_KEEP = sym.path((-0.5, -0.5), (0.55, 0.55), width=0.26)
_UTURN = sym.path((0.4, 0.7), (0.4, -0.4), (0, -0.65), (-0.4, -0.4), (-0.4, 0.5), width=0.2)
_NARROW = sym.path((-0.5, 0.7), (-0.5, 0.2), (-0.2, -0.2), (-0.2, -0.7), width=0.18, head=False)
_ROAD = sym.path((0, 0.75), (0, -0.75), width=0.24, head=False)

_TRAIN: dict[str, Pictogram] = {
    "bumps": _warning(sym.shape([(-0.85, 0.5), (-0.6, 0.0), (-0.25, 0.4), (0.1, 0.0), (0.45, 0.4),
                                 (0.6, 0.0), (0.85, 0.5)])),
    "cattle": _warning(sym.cow),
    "children": _warning(sym.children),
    "crossroads": _warning(sym.both(
        _ROAD, sym.path((-0.7, 0), (0.7, 0), width=0.24, head=False))),
    "crosswind": _warning(sym.windsock),
    "curve_left": _warning(sym.mirrored(_CURVE)),
    "curve_right": _warning(_CURVE),
    "cyclists": _warning(sym.bicycle),
    "danger": _warning(sym.shape([(-0.14, -0.8), (0.14, -0.8), (0.08, 0.25), (-0.08, 0.25)],
                                 [(-0.12, 0.45), (0.12, 0.45), (0.12, 0.7), (-0.12, 0.7)])),
    "deer": _warning(sym.deer),
    "double_bend": _warning(_BEND),
    "level_crossing": _warning(sym.fence),
    "narrow_road": _warning(sym.both(_NARROW, sym.mirrored(_NARROW))),
    "narrow_right": _warning(sym.both(
        sym.path((-0.4, 0.7), (-0.4, -0.7), width=0.18, head=False), sym.mirrored(_NARROW))),
    "pedestrians_ahead": _warning(sym.walker),
    "roadworks": _warning(sym.digger),
    "roundabout_ahead": _warning(sym.roundabout),
    "side_road": _warning(sym.both(_ROAD, sym.path((0, 0), (0.65, 0), width=0.16, head=False))),
    "signals_ahead": _warning(sym.signals),
    "slippery": _warning(sym.skid),
    "steep_hill": _warning(sym.slope),
    "two_way": _warning(sym.both(
        sym.path((0.32, 0.7), (0.32, -0.6), width=0.2),
        sym.path((-0.32, -0.6), (-0.32, 0.7), width=0.2))),
    "no_entry": Pictogram("no_entry"),
    "no_vehicles": _ban(None),
    "no_overtaking": _ban(sym.both(sym.in_red(sym.at(sym.car, 0.62, -0.46)),
                                   sym.at(sym.car, 0.62, 0.46))),
    "no_trucks": _ban(sym.truck),
    "no_bicycles": _ban(sym.bicycle),
    "no_pedestrians": _ban(sym.both(sym.walker, _slash)),
    "no_left_turn": _ban(sym.both(sym.mirrored(_TURN), _slash)),
    "no_right_turn": _ban(sym.both(_TURN, _slash)),
    "no_u_turn": _ban(sym.both(_UTURN, _slash)),
    "max_height": _ban(sym.both(
        sym.text("3.5m", 0.42, 1.1),
        sym.shape([(-0.3, -0.85), (0.3, -0.85), (0, -0.5)]),
        sym.shape([(-0.3, 0.85), (0.3, 0.85), (0, 0.5)]))),
    "max_weight": _ban(sym.text("7.5t", 0.6, 1.2)),
    **{f"speed_{n}": _ban(sym.text(str(n), 0.95, 0.62 * len(str(n)) - 0.12 * (n > 99)))
       for n in (20, 30, 40, 50, 60, 70, 80, 90, 100, 120)},
    "no_parking": Pictogram("parking_ban"),
    "no_stopping": Pictogram("stopping_ban"),
    "end_of_limits": Pictogram("end"),
    "stop": Pictogram("stop", sym.text("STOP", 0.62, 1.5)),
    "give_way": Pictogram("give_way"),
    "priority_road": Pictogram("priority"),
    "go_straight": _order(_UP),
    "turn_left": _order(sym.mirrored(_TURN)),
    "turn_right": _order(_TURN),
    "pass_left": _order(sym.mirrored(_KEEP)),
    "pass_right": _order(_KEEP),
    "straight_or_right": _order(sym.both(_UP, sym.path((0, 0.25), (0.65, 0.05), width=0.2))),
    "roundabout": _order(sym.roundabout),
    "cycle_path": _order(sym.bicycle),
    "foot_path": _order(sym.walker),
    "crossing": _info(_zebra),
    "parking": _info(sym.text("P", 1.3, 0.85)),
    "hospital": _info(sym.text("H", 1.2, 0.9)),
    "bus_stop": _info(sym.bus),
    "one_way": _info(_UP),
    "one_way_side": Pictogram("one_way", _RIGHT),
    "dead_end": _info(_mast),
    "keep_chevron": Pictogram("chevron"),
}  # fmt: skip

_DEMO: dict[str, Pictogram] = {
    "falling_rocks": _warning(sym.rocks),
    "wild_boar": _warning(sym.boar),
    "low_aircraft": _warning(sym.aircraft),
    "ice": _warning(sym.snowflake),
    "tram_ahead": _warning(sym.tram),
    "quay": _warning(sym.quay),
}

CATALOGUE: dict[str, Pictogram] = {**_TRAIN, **_DEMO}
TRAIN_PICTOGRAMS: tuple[str, ...] = tuple(sorted(_TRAIN))
DEMO_PICTOGRAMS: tuple[str, ...] = tuple(sorted(_DEMO))


def pictogram_names(pictograms: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the sign classes meant by `train`, `demo` or a sequence of names.

    Raises:
        InputError: a name is not in the catalogue.

    >>> "stop" in pictogram_names("train"), pictogram_names(("ice", "stop"))
    (True, ('ice', 'stop'))
    """
    groups = {"train": TRAIN_PICTOGRAMS, "demo": DEMO_PICTOGRAMS}
    names = groups.get(pictograms, (pictograms,)) if isinstance(pictograms, str) else pictograms
    for name in names:
        if name not in CATALOGUE:
            hint = suggest(name, [*CATALOGUE, *groups])
            raise InputError(f"unknown pictogram {name!r}; {hint}")
    return tuple(names)


@functools.cache
def pictogram(name: str, *, yellow: bool = False) -> Image:
    """Draw a sign, cut tight to its plate.

    Args:
        name: Name of the sign class, from the catalogue.
        yellow: Whether warning and prohibition plates have a yellow ground, as in some countries.

    Returns:
        (height, width, 4) uint8 BGRA, colours premultiplied by the alpha; read-only.
    """
    sign = CATALOGUE[name]
    pen = Pen(_SIDE)
    ink = draw_plate(pen, sign.plate, YELLOW if yellow else WHITE)
    if sign.symbol is not None:
        sign.symbol(pen, ink)
    x, y, w, h = cv2.boundingRect((pen.image[..., 3] > 127).astype(np.uint8))
    tight = pen.image[y : y + h, x : x + w]
    size = (_SPRITE, max(8, round(_SPRITE * h / w)))
    sprite: Image = cv2.resize(tight, size, interpolation=cv2.INTER_AREA)
    sprite.setflags(write=False)
    return sprite
