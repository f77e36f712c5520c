"""A pen that draws antialiased shapes into a premultiplied BGRA image."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]
_SHIFT = 4
_ONE = 1 << _SHIFT


class Pen:
    """Draws in a square whose centre is the origin; x to the right, y down, each in [-1, 1].

    Args:
        side: Side of the square in pixels.

    Attributes:
        image: (side, side, 4) uint8 BGRA, colours premultiplied by the alpha.
        mirror: Whether x is turned round.
    """

    def __init__(self, side: int) -> None:
        self.image: Image = np.zeros((side, side, 4), np.uint8)
        self.mirror = False
        self.scale = 1.0
        self.shift = (0.0, 0.0)

    def polygon(self, points: ArrayLike, colour: Colour) -> None:
        """Fill a polygon of (n, 2) points."""
        cv2.fillPoly(self.image, [self._pixels(points)], _opaque(colour), cv2.LINE_AA, _SHIFT)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        circle = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
        self.polygon(circle, colour)

    def line(self, points: ArrayLike, width: float, colour: Colour) -> None:
        """Draw a line of the given width through (n, 2) points, with round joints and ends."""
        path = np.asarray(points, float)
        for start, end in itertools.pairwise(path):
            along = end - start
            length = float(np.hypot(*along)) or 1.0
            side = np.array([-along[1], along[0]]) / length * width / 2
            self.polygon([start + side, end + side, end - side, start - side], colour)
        for x, y in path:
            self.disc(x, y, width / 2, colour)

    def arrow(self, points: ArrayLike, width: float, colour: Colour) -> None:
        """Draw a line of (n, 2) points with an arrow head three widths wide at its end."""
        path = np.asarray(points, float)
        ahead = path[-1] - path[-2]
        ahead = ahead / (float(np.hypot(*ahead)) or 1.0)
        side = np.array([-ahead[1], ahead[0]])
        tip, neck = path[-1], path[-1] - ahead * width * 1.6
        self.line([*path[:-1], neck], width, colour)
        self.polygon([tip, neck + side * width * 1.5, neck - side * width * 1.5], colour)

    def text(self, text: str, y: float, height: float, width: float, colour: Colour) -> None:
        """Write a text centred on (0, y), stretched into a box of that height and width."""
        font, thickness = cv2.FONT_HERSHEY_SIMPLEX, 13
        (w, h), base = cv2.getTextSize(text, font, 4.0, thickness)
        tile = np.zeros((h + base + 40, w + 40), np.uint8)
        cv2.putText(tile, text, (20, h + 20), font, 4.0, 255, thickness, cv2.LINE_AA)
        x0, y0, w, h = cv2.boundingRect(tile)
        self.stamp(tile[y0 : y0 + h, x0 : x0 + w], (0, y), (width, height), colour)

    def stamp(
        self, mask: Image, centre: Sequence[float], size: Sequence[float], colour: Colour
    ) -> None:
        """Lay a (h, w) uint8 mask of one colour into a box of that centre and (width, height)."""
        corners = np.array(centre) + np.array([[-1, -1], [1, -1], [1, 1]]) * np.array(size) / 2
        source = np.array([[0, 0], [mask.shape[1], 0], [mask.shape[1], mask.shape[0]]])
        matrix = cv2.getAffineTransform(
            source.astype(np.float32), (self._pixels(corners) / _ONE).astype(np.float32)
        )
        side = self.image.shape[0]
        alpha = cv2.warpAffine(mask, matrix, (side, side))[..., None].astype(np.float32) / 255
        laid = self.image * (1 - alpha) + np.array(_opaque(colour), np.float32) * alpha
        self.image[:] = np.round(laid)

    def _pixels(self, points: ArrayLike) -> NDArray[np.int32]:
        path = np.asarray(points, float).reshape(-1, 2) * self.scale + self.shift
        if self.mirror:
            path = path * (-1, 1)
        return np.asarray(np.round((path + 1) / 2 * self.image.shape[0] * _ONE), np.int32)


def _opaque(colour: Colour) -> tuple[int, int, int, int]:
    return (*colour, 255)
