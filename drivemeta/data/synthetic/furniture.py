"""What stands beside the road: signs, traffic lights, lamp posts, trees, buildings, rails."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from drivemeta.data.synthetic import sprites
from drivemeta.data.synthetic.camera import Camera
from drivemeta.data.synthetic.canvas import NOBODY, Canvas, Patch, warp_sprite
from drivemeta.data.synthetic.light import Light
from drivemeta.data.synthetic.pen import Image
from drivemeta.data.synthetic.pictograms import CATALOGUE, pictogram

Floats = NDArray[np.float64]
STATES = ("red", "yellow", "green", "off")
_LIT = {"red": (50, 50, 255), "yellow": (40, 190, 255), "green": (170, 235, 60)}
_DIM = {"red": (25, 22, 70), "yellow": (20, 60, 75), "green": (35, 60, 25)}
_NEAR_M = 2.0


@dataclass(frozen=True)
class View:
    """Where things are painted, from where and in what light."""

    canvas: Canvas
    camera: Camera
    light: Light

    def air(self, ahead_m: float) -> tuple[NDArray[np.float32], float]:
        """Return the colour of the air and what comes through it from a distance."""
        return self.light.haze, self.light.through(ahead_m)

    def lit(self, across_m: float, ahead_m: float) -> NDArray[np.float32]:
        """Return the light on something that faces the camera."""
        return self.light.flat(ahead_m, across_m - self.camera.across_m)


def paint_pole(
    view: View, across: float, ahead: float, top_m: float, width_m: float = 0.08,
    colour: ArrayLike = (120, 122, 122), bottom_m: float = 0.0,
) -> None:  # fmt: skip
    """Paint an upright pole."""
    half = width_m / 2
    ends = [(across - half, bottom_m, ahead), (across + half, bottom_m, ahead),
            (across + half, top_m, ahead), (across - half, top_m, ahead)]  # fmt: skip
    paint_polygon(view, ends, np.asarray(colour) * view.lit(across, ahead), ahead)


def paint_polygon(view: View, points: ArrayLike, colour: ArrayLike, ahead: float) -> None:
    """Paint a flat face of (n, 3) road points in one colour."""
    pixels, _ = view.camera.project(points)
    patch = Patch.around([*pixels.min(axis=0), *pixels.max(axis=0)], view.camera.size)
    if patch is not None:
        patch.polygon(pixels, colour)
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
    colour = patch.image[..., :3] * np.asarray(light, np.float32)
    patch.image[..., :3] = np.minimum(colour, patch.image[..., 3:])
    patch.paste(view.canvas, view.air(float(points[:, 2].mean())), owner)
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


@dataclass(frozen=True)
class Sign:
    """A sign on a pole; `name` is a pictogram, or None for a guide board.

    Attributes:
        name: of the pictogram.
        centre_m: height of its centre.
        scale: relative to the usual size.
        yaw: turned about the upright, radians.
        yellow: with a yellow ground where the country has it.
        fading: how much its colours have faded, in [0, 1].
        board: which guide board, where there is no name.
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
        centre_m: height of its centre.
        height_m: length of the housing.
        flat: its lamps stand side by side, not one over the other.
        yellow: with a yellow housing.
        plate: with a backing board.
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
        patch.convex(pixels, np.maximum(body, 6))
        angles = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        ring = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
        power = 1.0 if view.light.dark else 0.92
        for i, colour in enumerate(STATES[:3]):
            shift = (i - 1) * long * 0.315
            middle = np.array((across + (shift if self.flat else 0.0),
                               self.centre_m - (0.0 if self.flat else shift), ahead))  # fmt: skip
            radius = wide * 0.37
            hood, _ = view.camera.project(middle + ring * radius * 1.18)
            lens, _ = view.camera.project(middle + ring * radius)
            patch.convex(hood, np.array((14, 14, 14)))
            on = colour == state
            patch.convex(lens, np.array(_LIT[colour]) * power if on else np.array(_DIM[colour]) * lit)
            if on:
                core, _ = view.camera.project(middle + ring * radius * 0.5)
                patch.convex(core, np.minimum(np.array(_LIT[colour]) * 0.7 + 80, 255))
                x, y = lens.mean(axis=0)
                shine = np.array(_LIT[colour]) * (0.25 + 0.65 * view.light.lamps)
                view.canvas.add_glow(x, y, max(np.ptp(lens[:, 1]) * 0.55, 0.7), shine)
        patch.paste(view.canvas, view.air(ahead * 0.5), owner)
        return np.asarray(box)


@dataclass(frozen=True)
class Tree:
    """A tree or bush."""

    sprite: int
    height_m: float
    tint: tuple[float, float, float]

    def paint(self, view: View, across: float, ahead: float) -> None:
        """Paint the tree."""
        if ahead < _NEAR_M:
            return
        picture = sprites.tree(self.sprite)
        size = self.height_m * picture.shape[1] / picture.shape[0], self.height_m
        corners = upright(across, ahead, self.height_m / 2, size)
        paint_panel(view, picture, corners, view.lit(across, ahead) * np.array(self.tint))


@dataclass(frozen=True)
class Building:
    """A house or block along the road.

    Attributes:
        facade: which wall picture.
        size_m: its extent across, up and ahead.
        tint: colour factor BGR.
        gable: with a pitched roof of this colour, or None for a flat one.
        left: stands left of the road.
    """

    facade: int
    size_m: tuple[float, float, float]
    tint: tuple[float, float, float]
    gable: tuple[float, float, float] | None
    left: bool

    def paint(self, view: View, across: float, ahead: float) -> None:
        """Paint the walls that are seen: the one to the road and the near end.

        Args:
            view: where to paint.
            across: of the wall that faces the road.
            ahead: of the near end.
        """
        wide, tall, long = self.size_m
        start, end = max(ahead, _NEAR_M), ahead + long
        if end <= start:
            return
        away = across - wide if self.left else across + wide
        tint = np.array(self.tint)
        light = view.light
        picture = sprites.facade(self.facade)
        columns = picture.shape[1]
        rows = int(np.clip(tall / 16, 0.3, 1) * picture.shape[0])
        wall = picture[picture.shape[0] - rows :]
        part = wall[:, int(columns * (start - ahead) / long) :]
        side = light.on(np.array([[1.0 if self.left else -1.0, 0, 0]]), start, 6.0)[0]
        face = [(across, tall, start), (across, tall, end), (across, 0, end), (across, 0, start)]
        front = light.on(np.array([[0.0, 0, -1.0]]), max(ahead, 5), 8.0)[0]
        near = [(away, tall, ahead), (across, tall, ahead), (across, 0, ahead), (away, 0, ahead)]
        if not self.left:
            near = [near[1], near[0], near[3], near[2]]
        if ahead > _NEAR_M:
            shown = int(np.clip(wide / 20, 0.3, 1) * columns)
            paint_panel(view, wall[:, :shown], near, front * tint)
        if part.shape[1] > 1:
            paint_panel(view, part, face if self.left else _turned(face), side * tint)
        if self.gable is not None:
            self._roof(view, across, away, (start, end, ahead))

    def _roof(
        self, view: View, across: float, away: float, reach: tuple[float, float, float]
    ) -> None:
        start, end, ahead = reach
        tall = self.size_m[1]
        ridge = tall + 0.32 * self.size_m[0]
        middle = (across + away) / 2
        eaves = across + (0.4 if self.left else -0.4)
        tiles = np.array(self.gable)
        slope = [(eaves, tall - 0.2, start), (eaves, tall - 0.2, end), (middle, ridge, end), (middle, ridge, start)]
        tilt = np.array([[0.5 if self.left else -0.5, 0.86, 0.0]])
        if ahead > _NEAR_M:
            lit = view.light.on(np.array([[0.0, 0, -1.0]]), ahead, 8.0)[0]
            wall = np.array((165, 180, 190)) * np.array(self.tint)
            gable = [(across, tall, ahead), (away, tall, ahead), (middle, ridge, ahead)]
            paint_polygon(view, gable, wall * lit, ahead)
        paint_polygon(view, slope, tiles * view.light.on(tilt, start, 8.0)[0], start)


@dataclass(frozen=True)
class Rail:
    """A crash barrier or fence along the road, `length_m` long."""

    length_m: float
    top_m: float = 0.75
    deep_m: float = 0.32
    colour: tuple[float, float, float] = (150, 152, 150)

    def paint(self, view: View, across: float, ahead: float) -> None:
        """Paint the rail from `ahead` on."""
        start, end = max(ahead, _NEAR_M), ahead + self.length_m
        if end <= start:
            return
        low = self.top_m - self.deep_m
        for z in np.arange(ahead, end, 4.0):
            if z > _NEAR_M:
                paint_pole(view, across, float(z), self.top_m, 0.1, (105, 105, 105))
        tone = np.array(self.colour) * view.lit(across, start)
        for bottom, top, factor in ((low, self.top_m, 0.85), (low + self.deep_m * 0.55, self.top_m, 1.1)):
            face = [(across, bottom, start), (across, bottom, end), (across, top, end), (across, top, start)]
            paint_polygon(view, face, np.clip(tone * factor, 0, 255), start)


@dataclass(frozen=True)
class LampPost:
    """A street lamp, lit in the dark."""

    height_m: float
    reach_m: float

    def paint(self, view: View, across: float, ahead: float) -> None:
        """Paint the post, its arm and its glow."""
        if ahead < _NEAR_M:
            return
        paint_pole(view, across, ahead, self.height_m, 0.13, (95, 96, 98))
        tip = across + self.reach_m
        tone = np.array((95, 96, 98)) * view.lit(across, ahead)
        arm = [(across, self.height_m, ahead), (tip, self.height_m + 0.3, ahead),
               (tip, self.height_m + 0.2, ahead), (across, self.height_m - 0.15, ahead)]  # fmt: skip
        paint_polygon(view, arm, tone, ahead)
        if view.light.dark:
            pixels, _ = view.camera.project([(tip, self.height_m + 0.2, ahead)])
            radius = max(view.camera.focal_px * 0.22 / ahead, 0.8)
            view.canvas.add_glow(*pixels[0], radius, np.array((140, 205, 245)) * view.light.lamps)
            lamp = (round(float(pixels[0, 0])), round(float(pixels[0, 1])))
            cv2.circle(view.canvas.image, lamp, max(1, round(radius / 2)), (200, 235, 250), -1)


@dataclass(frozen=True)
class Poster:
    """An advertisement on a board: no traffic sign."""

    sprite: int
    centre_m: float
    width_m: float

    def paint(self, view: View, across: float, ahead: float) -> None:
        """Paint posts and board."""
        if ahead < _NEAR_M:
            return
        for side in (-0.35, 0.35):
            paint_pole(view, across + side * self.width_m, ahead, self.centre_m, 0.1)
        corners = upright(across, ahead, self.centre_m, (self.width_m, self.width_m * 0.66), 0.15)
        paint_panel(view, sprites.poster(self.sprite), corners, view.lit(across, ahead))


def _turned(face: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Return a face seen from its other side, so that pictures are not mirrored."""
    return [face[1], face[0], face[3], face[2]]
