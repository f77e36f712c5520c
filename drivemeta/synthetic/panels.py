"""Flat things in a scene: poles, faces of one colour, and pictures on panels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drivemeta.synthetic.camera import Camera
from drivemeta.synthetic.canvas import (
    NOBODY,
    Air,
    Canvas,
    Patch,
    warp_sprite,
)
from drivemeta.synthetic.light import Colour3, Light
from drivemeta.synthetic.pen import Image

Floats = NDArray[np.float64]
Ink = tuple[float, float, float]
STEEL: Ink = (120, 122, 122)


@dataclass(frozen=True)
class View:
    """Where things are painted, from where and in what light."""

    canvas: Canvas
    camera: Camera
    light: Light

    def air(self, ahead_m: float) -> Air:
        """Return the colour of the air and what comes through it from a distance."""
        return self.light.haze, self.light.through(ahead_m)

    def lit(self, across_m: float, ahead_m: float) -> Colour3:
        """Return the light on something that faces the camera."""
        return self.light.flat(ahead_m, across_m - self.camera.across_m)


def paint_pole(
    view: View, place: tuple[float, float], top_m: float, width_m: float = 0.08, ink: Ink = STEEL
) -> None:
    """Paint an upright pole that stands at (across, ahead)."""
    (across, ahead), half = place, width_m / 2
    ends = [(across - half, 0.0, ahead), (across + half, 0.0, ahead),
            (across + half, top_m, ahead), (across - half, top_m, ahead)]  # fmt: skip
    paint_polygon(view, ends, np.array(ink) * view.lit(across, ahead), ahead)


def paint_polygon(view: View, points: ArrayLike, colour: ArrayLike, ahead: float) -> None:
    """Paint a flat face of (n, 3) road points in one colour."""
    pixels, _ = view.camera.project(points)
    patch = Patch.around([*pixels.min(axis=0), *pixels.max(axis=0)], view.camera.size)
    if patch is not None:
        patch.convex([pixels], np.asarray(colour)[None])
        patch.paste(view.canvas, view.air(ahead), NOBODY)


def paint_panel(
    view: View, sprite: Image, corners: ArrayLike, light: ArrayLike, owner: int = NOBODY
) -> Floats | None:
    """Paint a picture onto a flat face of four road points; return its (4,) box, unclipped."""
    points = np.asarray(corners, float)
    pixels, _ = view.camera.project(points)
    patch = warp_sprite(view.camera.size, sprite, pixels)
    if patch is None:
        return None
    air = view.air(float(points[:, 2].mean()))
    patch.paste(view.canvas, air, owner, np.asarray(light, np.float32))
    return np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])


def upright(
    across: float, ahead: float, centre_m: float, size_m: tuple[float, float], yaw: float = 0.0
) -> Floats:
    """Return the (4, 3) corners of an upright panel of (width, height), turned by `yaw`."""
    dx, dz = np.cos(yaw) * size_m[0] / 2, np.sin(yaw) * size_m[0] / 2
    low, high = centre_m - size_m[1] / 2, centre_m + size_m[1] / 2
    return np.array([
        (across - dx, high, ahead - dz), (across + dx, high, ahead + dz),
        (across + dx, low, ahead + dz), (across - dx, low, ahead - dz),
    ])  # fmt: skip
