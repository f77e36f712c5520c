"""What stands beside the road and is no object: trees, buildings, poles, rails, posters."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivemeta.synthetic import sprites
from drivemeta.synthetic.panels import (
    View,
    paint_panel,
    paint_pole,
    paint_polygon,
    upright,
)

_NEAR_M = 2.0


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
        facade: Wall picture.
        size_m: Extent across, up and ahead.
        tint: Colour factor BGR.
        gable: Colour of a pitched roof, or None for a flat one.
        left: Whether it stands left of the road.
    """

    facade: int
    size_m: tuple[float, float, float]
    tint: tuple[float, float, float]
    gable: tuple[float, float, float] | None
    left: bool

    def paint(self, view: View, across: float, ahead: float) -> None:
        """Paint the walls that are seen: the one to the road and the near end.

        Args:
            view: View to paint into.
            across: Place across of the wall that faces the road, in metres.
            ahead: Distance ahead of the near end, in metres.
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
        slope = [
            (eaves, tall - 0.2, start),
            (eaves, tall - 0.2, end),
            (middle, ridge, end),
            (middle, ridge, start),
        ]
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
                paint_pole(view, (across, float(z)), self.top_m, 0.1, (105, 105, 105))
        tone = np.array(self.colour) * view.lit(across, start)
        for bottom, top, factor in (
            (low, self.top_m, 0.85),
            (low + self.deep_m * 0.55, self.top_m, 1.1),
        ):
            face = [
                (across, bottom, start),
                (across, bottom, end),
                (across, top, end),
                (across, top, start),
            ]
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
        paint_pole(view, (across, ahead), self.height_m, 0.13, (95, 96, 98))
        tip = across + self.reach_m
        tone = np.array((95, 96, 98)) * view.lit(across, ahead)
        low, high = self.height_m, self.height_m + 0.3
        arm = [(across, low, ahead), (tip, high, ahead),
               (tip, high - 0.1, ahead), (across, low - 0.15, ahead)]  # fmt: skip
        paint_polygon(view, arm, tone, ahead)
        if view.light.dark:
            pixels, _ = view.camera.project([(tip, self.height_m + 0.2, ahead)])
            radius = max(view.camera.focal_px * 0.22 / ahead, 0.8)
            x, y = pixels[0].tolist()
            view.canvas.add_glow(x, y, radius, np.array((140, 205, 245)) * view.light.lamps)
            lamp = (round(x), round(y))
            cv2.circle(view.canvas.image, lamp, max(1, round(radius / 2)), (200, 235, 250), -1)


@dataclass(frozen=True)
class Pole:
    """A bare pole."""

    top_m: float
    width_m: float

    def paint(self, view: View, across: float, ahead: float) -> None:
        """Paint the pole."""
        if ahead >= _NEAR_M:
            paint_pole(view, (across, ahead), self.top_m, self.width_m)


@dataclass(frozen=True)
class Arm:
    """A bar across the road that signs or lights hang from."""

    height_m: float
    to_m: float

    def paint(self, view: View, across: float, ahead: float) -> None:
        """Paint the bar from its pole at `across`."""
        if ahead < _NEAR_M:
            return
        low, high = self.height_m - 0.08, self.height_m + 0.08
        bar = [(across, high, ahead), (self.to_m, high, ahead),
               (self.to_m, low, ahead), (across, low, ahead)]  # fmt: skip
        paint_polygon(view, bar, np.array((110, 112, 112)) * view.lit(across, ahead), ahead)


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
            paint_pole(view, (across + side * self.width_m, ahead), self.centre_m, 0.1)
        corners = upright(across, ahead, self.centre_m, (self.width_m, self.width_m * 0.66), 0.15)
        paint_panel(view, sprites.poster(self.sprite), corners, view.lit(across, ahead))


def _turned(face: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Return a face seen from its other side, so that pictures are not mirrored."""
    return [face[1], face[0], face[3], face[2]]
