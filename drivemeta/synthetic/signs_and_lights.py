"""Traffic signs and traffic lights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivemeta.synthetic import sprites
from drivemeta.synthetic.canvas import Patch
from drivemeta.synthetic.panels import (
    Floats,
    View,
    paint_panel,
    paint_polygon,
    upright,
)
from drivemeta.synthetic.pictograms import CATALOGUE, pictogram

STATES = ("red", "yellow", "green", "off")
_LIT = {"red": (50, 50, 255), "yellow": (40, 190, 255), "green": (170, 235, 60)}
_DIM = {"red": (25, 22, 70), "yellow": (20, 60, 75), "green": (35, 60, 25)}
_ANGLES = np.linspace(0, 2 * np.pi, 18, endpoint=False)
_RING = np.stack([np.cos(_ANGLES), np.sin(_ANGLES), 0 * _ANGLES], axis=1)


@dataclass(frozen=True)
class Sign:
    """A sign on a pole; `name` is a pictogram, or None for a guide board.

    Attributes:
        name: Name of the pictogram.
        centre_m: Height of the centre.
        scale: Size relative to the usual one.
        yaw: Turn about the upright, in radians.
        yellow: Whether the ground is yellow where the country has it.
        fading: Part by which the colours have faded, in [0, 1].
        board: Guide board, where there is no name.
    """

    name: str | None
    centre_m: float
    scale: float = 1.0
    yaw: float = 0.0
    yellow: bool = False
    fading: float = 0.0
    board: int = 0

    def paint(self, view: View, across: float, ahead: float, owner: int) -> Floats | None:
        """Paint the sign and return its box."""
        sprite = (
            sprites.board(self.board)
            if self.name is None
            else pictogram(self.name, yellow=self.yellow)
        )
        width = (2.6 if self.name is None else CATALOGUE[self.name].width_m) * self.scale
        size = width, width * sprite.shape[0] / sprite.shape[1]
        light = view.lit(across, ahead)
        reflex = 2.4 * view.light.beam(ahead * 0.6, (across - view.camera.across_m) * 0.5)
        light = np.minimum(light * 1.02 + reflex, 1.25) * (1 - 0.25 * self.fading)
        return paint_panel(
            view, sprite, upright(across, ahead, self.centre_m, size, self.yaw), light, owner
        )


@dataclass(frozen=True)
class Lamps:
    """The head of a traffic light.

    Attributes:
        centre_m: Height of the centre.
        height_m: Length of the housing.
        flat: Whether the lamps stand side by side, not one over the other.
        yellow: Whether the housing is yellow.
        plate: Whether there is a backing board.
    """

    centre_m: float
    height_m: float = 0.95
    flat: bool = False
    yellow: bool = False
    plate: bool = False

    def paint(
        self, view: View, place: tuple[float, float], state: str, owner: int
    ) -> Floats | None:
        """Paint the head at (across, ahead) in a state, and return the box of the housing."""
        across, ahead = place
        lit = view.lit(across, ahead)
        long, wide = self.height_m, self.height_m * 0.4
        size = (long, wide) if self.flat else (wide, long)
        if self.plate:
            back = upright(across, ahead + 0.02, self.centre_m, (size[0] + 0.25, size[1] + 0.25))
            paint_polygon(view, back, np.array((30, 30, 30)) * lit, ahead)
        corners = upright(across, ahead, self.centre_m, size)
        pixels, _ = view.camera.project(corners)
        box = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
        patch = Patch.around(box, view.camera.size)
        if patch is None:
            return None
        body = np.array((35, 165, 205) if self.yellow else (34, 36, 34)) * lit
        patch.convex([pixels], np.maximum(body, 6)[None])
        lit_lens: Floats | None = None
        for i, colour in enumerate(STATES[:3]):
            shift = (i - 1) * long * 0.315
            middle = np.array((across + (shift if self.flat else 0.0),
                               self.centre_m - (0.0 if self.flat else shift), ahead))  # fmt: skip
            lens = self._lens(view, patch, middle, (colour, colour == state))
            lit_lens = lens if colour == state else lit_lens
        patch.paste(view.canvas, view.air(ahead * 0.5), owner)
        if lit_lens is not None:
            x, y = lit_lens.mean(axis=0)
            shine = np.array(_LIT[state]) * (0.25 + 0.65 * view.light.lamps)
            view.canvas.add_glow(x, y, max(float(np.ptp(lit_lens[:, 1])) * 0.55, 0.7), shine)
        return np.asarray(box)

    def _lens(self, view: View, patch: Patch, middle: Floats, lamp: tuple[str, bool]) -> Floats:
        """Paint one lamp, its hood and its lens; return the outline of the lens."""
        (colour, on), radius = lamp, self.height_m * 0.15
        hood, lens, core = (
            view.camera.project(middle + _RING * radius * k)[0] for k in (1.18, 1.0, 0.5)
        )
        dim = np.array(_DIM[colour]) * view.lit(float(middle[0]), float(middle[2]))
        lit = np.array(_LIT[colour]) * (1.0 if view.light.dark else 0.92)
        patch.convex([hood, lens], np.array([np.full(3, 14.0), lit if on else dim]))
        if on:
            patch.convex([core], np.minimum(np.array(_LIT[colour]) * 0.7 + 80, 255)[None])
        return lens
