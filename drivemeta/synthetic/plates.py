"""The plates of traffic signs, without what is drawn on them."""

from __future__ import annotations

import numpy as np

from drivemeta.synthetic.pen import Colour, Pen
from drivemeta.synthetic.symbols import Symbol

WHITE: Colour = (238, 238, 238)
BLACK: Colour = (24, 22, 22)
RED: Colour = (38, 26, 190)
BLUE: Colour = (165, 80, 20)
YELLOW: Colour = (25, 195, 245)


def _regular(n: int, radius: float, turn: float) -> list[tuple[float, float]]:
    angles = turn + np.arange(n) * 2 * np.pi / n
    return [(radius * np.cos(a), radius * np.sin(a)) for a in angles]


def _triangle(pen: Pen, grow: float, colour: Colour, *, down: bool = False) -> None:
    points = np.array([(0, -0.84), (0.97, 0.84), (-0.97, 0.84)])
    centre = points.mean(axis=0)
    points = (centre + (points - centre) * grow) * (1, -1 if down else 1)
    pen.polygon(points, colour)
    pen.line([*points, points[0]], 0.06, colour)


def _diamond(pen: Pen, radius: float, colour: Colour) -> None:
    pen.polygon(_regular(4, radius, 0.0), colour)


def _square(pen: Pen, half: float, colour: Colour, height: float | None = None) -> None:
    h = half if height is None else height
    pen.polygon([(-half, -h), (half, -h), (half, h), (-half, h)], colour)


def draw_plate(pen: Pen, plate: str, ground: Colour) -> Colour:
    """Draw the plate and return the colour of the ink on it."""
    _PLATES[plate](pen, ground)
    return BLACK if plate in ("warning", "prohibition") else WHITE


def _discs(*rings: tuple[float, Colour | None]) -> Symbol:
    def draw(pen: Pen, ground: Colour) -> None:
        for radius, colour in rings:
            pen.disc(0, 0, radius, colour or ground)

    return draw


def _warning_plate(pen: Pen, ground: Colour) -> None:
    _triangle(pen, 0.97, WHITE)
    _triangle(pen, 0.95, RED)
    _triangle(pen, 0.68, ground)


def _give_way(pen: Pen, ground: Colour) -> None:
    _triangle(pen, 0.96, RED, down=True)
    _triangle(pen, 0.62, ground, down=True)


def _stop(pen: Pen, _ground: Colour) -> None:
    pen.polygon(_regular(8, 1.0, np.pi / 8), WHITE)
    pen.polygon(_regular(8, 0.93, np.pi / 8), RED)


def _priority(pen: Pen, _ground: Colour) -> None:
    _diamond(pen, 1.0, WHITE)
    _diamond(pen, 0.68, YELLOW)


def _stopping(lines: int) -> Symbol:
    def draw(pen: Pen, _ground: Colour) -> None:
        _discs((0.98, RED), (0.76, BLUE))(pen, WHITE)
        for side in (-1, 1)[:lines]:
            pen.line([(-0.56 * side, -0.56), (0.56 * side, 0.56)], 0.2, RED)

    return draw


def _no_entry(pen: Pen, _ground: Colour) -> None:
    _discs((0.98, WHITE), (0.94, RED))(pen, WHITE)
    pen.polygon([(-0.68, -0.16), (0.68, -0.16), (0.68, 0.16), (-0.68, 0.16)], WHITE)


def _end(pen: Pen, _ground: Colour) -> None:
    _discs((0.98, BLACK), (0.92, WHITE))(pen, WHITE)
    for x in (-0.16, 0.0, 0.16):
        pen.line([(x - 0.55, 0.55), (x + 0.55, -0.55)], 0.06, BLACK)


def _info_plate(pen: Pen, _ground: Colour) -> None:
    _square(pen, 0.96, WHITE)
    _square(pen, 0.9, BLUE)


def _one_way(pen: Pen, _ground: Colour) -> None:
    _square(pen, 0.98, WHITE, 0.42)
    _square(pen, 0.94, BLUE, 0.37)


def _chevron(pen: Pen, _ground: Colour) -> None:
    _square(pen, 0.9, RED)
    for x in (-0.75, 0.05):
        points = [(x, -0.75), (x + 0.35, -0.75), (x + 0.75, 0), (x + 0.35, 0.75), (x, 0.75)]
        pen.polygon([*points, (x + 0.4, 0)], WHITE)


_PLATES: dict[str, Symbol] = {
    "warning": _warning_plate,
    "prohibition": _discs((0.98, WHITE), (0.96, RED), (0.74, None)),
    "mandatory": _discs((0.98, WHITE), (0.93, BLUE)),
    "no_entry": _no_entry,
    "give_way": _give_way,
    "stop": _stop,
    "priority": _priority,
    "parking_ban": _stopping(1),
    "stopping_ban": _stopping(2),
    "end": _end,
    "info": _info_plate,
    "one_way": _one_way,
    "chevron": _chevron,
}
