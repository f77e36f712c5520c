"""The symbols on traffic signs, each a function that draws with a pen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drivemeta.synthetic.pen import Colour, Pen

Symbol = Callable[[Pen, Colour], None]
RED: Colour = (40, 30, 195)


def mirrored(symbol: Symbol) -> Symbol:
    """Return the symbol with left and right exchanged."""

    def draw(pen: Pen, ink: Colour) -> None:
        pen.mirror = not pen.mirror
        symbol(pen, ink)
        pen.mirror = not pen.mirror

    return draw


def both(*symbols: Symbol) -> Symbol:
    """Return the symbols drawn one over the other."""

    def draw(pen: Pen, ink: Colour) -> None:
        for symbol in symbols:
            symbol(pen, ink)

    return draw


def text(words: str, height: float = 0.8, width: float = 1.0, y: float = 0.0) -> Symbol:
    """Return a text as a symbol."""
    return lambda pen, ink: pen.text(words, y, height, width, ink)


def path(*points: tuple[float, float], width: float = 0.2, head: bool = True) -> Symbol:
    """Return a line as a symbol, with an arrow head at its end if `head`."""

    def draw(pen: Pen, ink: Colour) -> None:
        (pen.arrow if head else pen.line)(points, width, ink)

    return draw


def shape(*polygons: list[tuple[float, float]]) -> Symbol:
    """Return filled polygons as a symbol."""

    def draw(pen: Pen, ink: Colour) -> None:
        for polygon in polygons:
            pen.polygon(polygon, ink)

    return draw


def car(pen: Pen, ink: Colour) -> None:
    """A car from behind."""
    pen.polygon([(-0.5, 0.05), (-0.36, -0.4), (0.36, -0.4), (0.5, 0.05)], ink)
    pen.polygon([(-0.6, 0.02), (0.6, 0.02), (0.6, 0.42), (-0.6, 0.42)], ink)
    pen.polygon([(-0.35, 0.0), (-0.27, -0.28), (0.27, -0.28), (0.35, 0.0)], (235, 235, 235))
    for x in (-0.42, 0.42):
        pen.disc(x, 0.2, 0.09, (235, 235, 235))
        pen.polygon([(x - 0.12, 0.4), (x + 0.12, 0.4), (x + 0.12, 0.6), (x - 0.12, 0.6)], ink)


def truck(pen: Pen, ink: Colour) -> None:
    """A lorry from the side."""
    pen.polygon([(-0.75, -0.42), (0.2, -0.42), (0.2, 0.25), (-0.75, 0.25)], ink)
    pen.polygon([(0.26, -0.2), (0.55, -0.2), (0.75, 0.05), (0.75, 0.25), (0.26, 0.25)], ink)
    for x in (-0.5, -0.2, 0.52):
        pen.disc(x, 0.32, 0.14, ink)


def bicycle(pen: Pen, ink: Colour) -> None:
    """A bicycle from the side."""
    for x in (-0.48, 0.48):
        angles = np.linspace(0, 2 * np.pi, 25)
        wheel = np.stack([x + 0.32 * np.cos(angles), 0.2 + 0.32 * np.sin(angles)], axis=1)
        pen.line(wheel, 0.08, ink)
    pen.line([(-0.48, 0.2), (-0.2, -0.22), (0.32, -0.22), (-0.02, 0.2), (-0.48, 0.2)], 0.07, ink)
    pen.line([(-0.02, 0.2), (-0.24, -0.38)], 0.07, ink)
    pen.line([(-0.36, -0.4), (-0.1, -0.4)], 0.08, ink)
    pen.line([(0.48, 0.2), (0.28, -0.42), (0.45, -0.48)], 0.07, ink)


def walker(pen: Pen, ink: Colour) -> None:
    """A person who walks."""
    pen.disc(0.02, -0.66, 0.15, ink)
    pen.polygon([(-0.14, -0.46), (0.16, -0.46), (0.12, 0.1), (-0.14, 0.1)], ink)
    pen.line([(-0.1, -0.4), (-0.36, -0.05), (-0.42, 0.08)], 0.1, ink)
    pen.line([(0.12, -0.4), (0.36, -0.1), (0.42, 0.02)], 0.1, ink)
    pen.line([(-0.06, 0.05), (-0.14, 0.4), (-0.38, 0.74)], 0.15, ink)
    pen.line([(0.06, 0.05), (0.18, 0.4), (0.36, 0.74)], 0.15, ink)


def at(symbol: Symbol, scale: float, x: float = 0.0, y: float = 0.0) -> Symbol:
    """Return the symbol made smaller or larger and moved."""

    def draw(pen: Pen, ink: Colour) -> None:
        old = pen.scale, pen.shift
        pen.shift = (old[1][0] + x * old[0], old[1][1] + y * old[0])
        pen.scale = old[0] * scale
        symbol(pen, ink)
        pen.scale, pen.shift = old

    return draw


def in_red(symbol: Symbol) -> Symbol:
    """Return the symbol in red instead of the sign's ink."""
    return lambda pen, _ink: symbol(pen, RED)


children = both(at(walker, 0.8, -0.32, 0.1), at(walker, 0.95, 0.28, 0.0))

deer = both(
    shape(
        [(-0.55, -0.15), (0.2, -0.25), (0.42, -0.62), (0.72, -0.5), (0.5, -0.36), (0.38, 0.0)],
        [(-0.55, -0.15), (0.4, -0.1), (0.3, 0.14), (-0.5, 0.12)],
    ),
    path((0.28, 0.05), (0.55, 0.4), (0.4, 0.55), width=0.09, head=False),
    path((0.2, 0.05), (0.3, 0.6), width=0.09, head=False),
    path((-0.48, 0.05), (-0.68, 0.6), width=0.09, head=False),
    path((-0.4, 0.05), (-0.34, 0.62), width=0.09, head=False),
    path((0.42, -0.6), (0.28, -0.9), (0.5, -0.84), width=0.05, head=False),
)

cow = both(
    shape(
        [(-0.65, -0.3), (0.4, -0.3), (0.4, 0.2), (-0.6, 0.2)],
        [(0.35, -0.3), (0.62, -0.42), (0.85, -0.2), (0.7, 0.02), (0.4, 0.1)],
    ),
    *(path((x, 0.1), (x + 0.02, 0.6), width=0.13, head=False) for x in (-0.56, -0.36, 0.18, 0.36)),
    path((0.6, -0.38), (0.72, -0.55), width=0.06, head=False),
    path((-0.64, -0.25), (-0.78, 0.2), width=0.06, head=False),
)

boar = both(
    shape(
        [
            (-0.75, -0.05), (-0.6, -0.34), (-0.1, -0.46), (0.3, -0.4), (0.62, -0.18),
            (0.92, 0.12), (0.86, 0.26), (0.5, 0.2), (0.3, 0.28), (-0.6, 0.26),
        ],
    ),
    *(path((x, 0.1), (x + 0.04, 0.56), width=0.14, head=False) for x in (-0.6, -0.42, 0.16, 0.32)),
    path((-0.72, -0.1), (-0.9, -0.25), width=0.05, head=False),
    shape([(0.34, -0.34), (0.32, -0.6), (0.52, -0.36)]),
)  # fmt: skip

rocks = both(
    shape([(-0.85, 0.72), (-0.85, -0.5), (-0.55, -0.62), (-0.4, -0.1), (-0.15, 0.1), (0.0, 0.72)]),
    shape([(-0.12, -0.42), (0.06, -0.5), (0.16, -0.34), (0.02, -0.22)]),
    shape([(0.14, -0.04), (0.36, -0.1), (0.44, 0.1), (0.24, 0.2)]),
    shape([(0.3, 0.42), (0.56, 0.36), (0.66, 0.58), (0.46, 0.72), (0.28, 0.62)]),
)

aircraft = shape(
    [
        (-0.85, 0.25), (-0.6, 0.1), (0.55, -0.38), (0.85, -0.42), (0.75, -0.22), (0.2, 0.06),
        (-0.05, 0.62), (-0.22, 0.66), (-0.18, 0.2), (-0.6, 0.4),
    ],
    [(0.1, -0.18), (-0.35, -0.55), (-0.2, -0.6), (0.42, -0.32)],
    [(-0.6, 0.12), (-0.85, -0.12), (-0.74, -0.16), (-0.46, 0.06)],
)  # fmt: skip


def snowflake(pen: Pen, ink: Colour) -> None:
    """A crystal of ice."""
    for angle in np.arange(0, 180, 60) * np.pi / 180:
        x, y = np.cos(angle), np.sin(angle)
        pen.line([(-0.7 * x, -0.7 * y), (0.7 * x, 0.7 * y)], 0.1, ink)
        for s in (-1, 1):
            for turn in (-0.6, 0.6):
                tip = 0.62 * np.array([np.cos(angle + turn / 2), np.sin(angle + turn / 2)])
                pen.line([(0.38 * s * x, 0.38 * s * y), tuple(s * tip)], 0.08, ink)


def tram(pen: Pen, ink: Colour) -> None:
    """A tram from the front."""
    pen.polygon([(-0.4, -0.4), (0.4, -0.4), (0.46, 0.5), (-0.46, 0.5)], ink)
    pen.polygon([(-0.3, -0.28), (0.3, -0.28), (0.33, 0.05), (-0.33, 0.05)], (235, 235, 235))
    for x in (-0.26, 0.26):
        pen.disc(x, 0.28, 0.08, (235, 235, 235))
    pen.line([(-0.3, -0.75), (0, -0.45), (0.3, -0.75)], 0.06, ink)
    pen.line([(-0.6, 0.65), (0.6, 0.65)], 0.1, ink)


def quay(pen: Pen, ink: Colour) -> None:
    """A car that falls from a quay into water."""
    pen.polygon([(-0.85, 0.0), (-0.2, 0.0), (-0.2, 0.7), (-0.85, 0.7)], ink)
    pen.polygon([(-0.25, -0.35), (-0.05, -0.55), (0.6, -0.05), (0.4, 0.22)], ink)
    for x, y in ((-0.12, -0.18), (0.3, 0.18)):
        pen.disc(x, y, 0.12, ink)
    for y in (0.45, 0.65):
        wave = [(x, y + 0.06 * np.sin(12 * x)) for x in np.linspace(-0.1, 0.85, 16)]
        pen.line(wave, 0.08, ink)


def digger(pen: Pen, ink: Colour) -> None:
    """A person who digs."""
    pen.disc(-0.05, -0.55, 0.14, ink)
    pen.line([(-0.18, -0.35), (-0.42, 0.05), (-0.2, 0.3), (-0.4, 0.66)], 0.17, ink)
    pen.line([(-0.42, 0.05), (-0.66, 0.66)], 0.16, ink)
    pen.line([(-0.15, -0.3), (0.15, 0.02), (0.32, 0.02)], 0.1, ink)
    pen.line([(-0.1, -0.02), (0.5, 0.45)], 0.07, ink)
    pen.polygon([(0.2, 0.7), (0.5, 0.3), (0.62, 0.35), (0.9, 0.7)], ink)


def bus(pen: Pen, ink: Colour) -> None:
    """A bus from the side."""
    pen.polygon([(-0.75, -0.4), (0.7, -0.4), (0.78, 0.3), (-0.75, 0.3)], ink)
    for x in (-0.6, -0.27, 0.06, 0.39):
        pen.polygon([(x, -0.28), (x + 0.24, -0.28), (x + 0.24, 0), (x, 0)], (235, 235, 235))
    for x in (-0.45, 0.45):
        pen.disc(x, 0.33, 0.15, ink)


def signals(pen: Pen, ink: Colour) -> None:
    """A traffic light with all lamps lit."""
    pen.polygon([(-0.26, -0.72), (0.26, -0.72), (0.26, 0.72), (-0.26, 0.72)], ink)
    for y, colour in ((-0.44, RED), (0.0, (30, 190, 240)), (0.44, (80, 160, 30))):
        pen.disc(0, y, 0.18, colour)


def skid(pen: Pen, ink: Colour) -> None:
    """A car that skids."""
    at(car, 0.62, 0.0, -0.3)(pen, ink)
    for x in (-0.3, 0.15):
        pen.line([(x + 0.1, 0.1), (x - 0.12, 0.35), (x + 0.14, 0.55), (x, 0.72)], 0.09, ink)


def slope(pen: Pen, ink: Colour) -> None:
    """A steep slope down to the right."""
    pen.polygon([(-0.8, -0.25), (0.8, 0.65), (-0.8, 0.65)], ink)
    at(text("10%", 0.5, 1.0), 0.6, 0.3, -0.18)(pen, ink)


def fence(pen: Pen, ink: Colour) -> None:
    """A gate before a level crossing."""
    for x in (-0.6, -0.2, 0.2, 0.6):
        pen.line([(x, -0.4), (x, 0.55)], 0.13, ink)
    for y in (-0.2, 0.3):
        pen.line([(-0.75, y), (0.75, y)], 0.13, ink)


def windsock(pen: Pen, ink: Colour) -> None:
    """A sock in a side wind."""
    pen.line([(-0.6, -0.6), (-0.6, 0.7)], 0.08, ink)
    for i, x in enumerate((-0.55, -0.17, 0.21)):
        y = 0.1 * i
        pen.polygon(
            [(x, -0.55 + y), (x + 0.28, -0.47 + y), (x + 0.28, -0.14 + y), (x, -0.12 + y)], ink
        )


def roundabout(pen: Pen, ink: Colour) -> None:
    """Three arrows in a circle."""
    for start in np.arange(3) * 2 * np.pi / 3:
        angles = start + np.linspace(0, -1.55, 8)
        pen.arrow(np.stack([0.5 * np.cos(angles), 0.5 * np.sin(angles)], axis=1), 0.15, ink)
