"""The image under construction: what is painted, and which object owns each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from drivemeta.synthetic.pen import Image

NOBODY = -1
Air = tuple[NDArray[np.float32], float]
_SHIFT = 4
_MARGIN = 2


@dataclass(eq=False)
class Canvas:
    """Painted from far to near.

    Attributes:
        image: (h, w, 3) float32 BGR in 0..255.
        owner: (h, w) int32, index of the object seen at each pixel, or `NOBODY`.
        glow: (h, w, 3) float32 BGR light to be added at the end, blurred.
        painted: Pixels that each object covered when it was painted.
    """

    image: NDArray[np.float32]
    owner: NDArray[np.int32] = field(init=False)
    glow: NDArray[np.float32] = field(init=False)
    painted: dict[int, int] = field(default_factory=dict)
    glowing: bool = False

    def __post_init__(self) -> None:
        self.owner = np.full(self.image.shape[:2], NOBODY, np.int32)
        self.glow = np.zeros_like(self.image)

    def blend(
        self,
        sprite: Image,
        place: tuple[int, int],
        haze: Air,
        owner: int,
        gain: NDArray[np.float32] | None = None,
    ) -> None:
        """Lay a sprite on the image.

        Args:
            sprite: (h, w, 4) uint8 premultiplied BGRA.
            place: Column and row of its top left corner; may lie outside.
            haze: Colour of the air and the part of the sprite's light that comes through it.
            owner: Index of the object painted, or `NOBODY`.
            gain: (3,) BGR light that falls on it; None leaves its colours.
        """
        x, y = place
        height, width = self.image.shape[:2]
        x0, y0 = max(x, 0), max(y, 0)
        x1, y1 = min(x + sprite.shape[1], width), min(y + sprite.shape[0], height)
        if x0 >= x1 or y0 >= y1:
            return
        part = sprite[y0 - y : y1 - y, x0 - x : x1 - x].astype(np.float32)
        alpha = part[..., 3:] * np.float32(1 / 255)
        colour, through = haze
        lit = part[..., :3]
        if gain is not None:
            lit = np.minimum(lit * gain, part[..., 3:])
        if through < 1:
            lit = lit * np.float32(through) + alpha * (colour * np.float32(1 - through))
        target = self.image[y0:y1, x0:x1]
        target *= 1 - alpha
        target += lit
        solid = alpha[..., 0] > 0.5
        self.owner[y0:y1, x0:x1][solid] = owner
        if self.glowing:
            self.glow[y0:y1, x0:x1][solid] = 0  # lamps behind it are hidden
        if owner != NOBODY:
            self.painted[owner] = self.painted.get(owner, 0) + int(solid.sum())

    def add_glow(self, x: float, y: float, radius: float, colour: ArrayLike) -> None:
        """Let a lamp shine: a disc of light that is blurred and added at the end."""
        centre = (round(x * 16), round(y * 16))
        light = tuple(float(c) for c in np.asarray(colour))
        cv2.circle(self.glow, centre, max(8, round(radius * 16)), light, -1, cv2.LINE_8, _SHIFT)
        self.glowing = True

    def visible(self, n: int) -> NDArray[np.float32]:
        """Return for each of n objects the part of its painted pixels that is still seen."""
        seen = np.bincount(self.owner[self.owner >= 0].ravel(), minlength=n)[:n]
        painted = np.array([self.painted.get(i, 0) for i in range(n)], np.float32)
        return (seen / np.maximum(painted, 1)).astype(np.float32)


@dataclass(eq=False)
class Patch:
    """A piece of a canvas on which one object is drawn, finer than the canvas by `fine`.

    Attributes:
        x: Column of its left edge on the canvas.
        y: Row of its top edge on the canvas.
        image: (h, w, 4) uint8 premultiplied BGRA.
        fine: Pixels of the patch along one pixel of the canvas.
    """

    x: int
    y: int
    image: Image
    fine: int

    @classmethod
    def around(cls, box: ArrayLike, size: tuple[int, int], most: int = 4) -> Patch | None:
        """Return an empty patch for the part of a box (xyxy) inside a canvas, None if outside."""
        x0, y0, x1, y1 = np.asarray(box, float)
        left, top = max(int(x0) - _MARGIN, 0), max(int(y0) - _MARGIN, 0)
        right, bottom = min(int(x1) + 1 + _MARGIN, size[1]), min(int(y1) + 1 + _MARGIN, size[0])
        if right <= left or bottom <= top:
            return None
        side = max(right - left, bottom - top)
        fine = min(most, 4 if side < 24 else 3 if side < 60 else 2 if side < 200 else 1)
        shape = ((bottom - top) * fine, (right - left) * fine, 4)
        return cls(left, top, np.zeros(shape, np.uint8), fine)

    def convex(self, polygons: Sequence[NDArray[np.float64]], colours: ArrayLike) -> None:
        """Fill convex polygons, each of (n, 2) canvas pixels, one over the other."""
        pixels = (np.concatenate(polygons) - (self.x, self.y)) * self.fine
        pixels = np.clip(pixels, -8000, 8000)  # keeps OpenCV's fixed point in range
        fixed = np.round(pixels * (1 << _SHIFT)).astype(np.int32)
        inks = np.clip(np.asarray(colours, float), 0, 255).tolist()
        first = 0
        for polygon, (b, g, r) in zip(polygons, inks, strict=True):
            part = fixed[first : first + len(polygon)]
            first += len(polygon)
            cv2.fillConvexPoly(self.image, part, (b, g, r, 255.0), cv2.LINE_AA, _SHIFT)

    def paste(
        self, canvas: Canvas, haze: Air, owner: int, gain: NDArray[np.float32] | None = None
    ) -> None:
        """Lay what was drawn on the canvas."""
        sprite = self.image
        if self.fine > 1:
            shape = (sprite.shape[1] // self.fine, sprite.shape[0] // self.fine)
            sprite = cv2.resize(sprite, shape, interpolation=cv2.INTER_AREA)
        canvas.blend(sprite, (self.x, self.y), haze, owner, gain)


def warp_sprite(canvas_size: tuple[int, int], sprite: Image, quad: ArrayLike) -> Patch | None:
    """Return a sprite warped onto a quadrilateral of the canvas.

    Args:
        canvas_size: Height and width in pixels.
        sprite: (h, w, 4) uint8 premultiplied BGRA.
        quad: (4, 2) pixels of its corners: top left, top right, bottom right, bottom left.
    """
    corners = np.asarray(quad, float)
    patch = Patch.around([*corners.min(axis=0), *corners.max(axis=0)], canvas_size, most=2)
    if patch is None:
        return None
    wanted = max(np.ptp(corners[:, 0]), 1.0), max(np.ptp(corners[:, 1]), 1.0)
    height, width = sprite.shape[:2]
    size = (
        int(np.clip(np.ceil(wanted[0] * patch.fine), 2, width)),
        int(np.clip(np.ceil(wanted[1] * patch.fine), 2, height)),
    )
    small = cv2.resize(sprite, size, interpolation=cv2.INTER_AREA)
    source = np.array([[0, 0], [size[0], 0], size, [0, size[1]]], np.float32)
    target = ((corners - (patch.x, patch.y)) * patch.fine).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    shape = patch.image.shape[1], patch.image.shape[0]
    patch.image = np.asarray(cv2.warpPerspective(small, matrix, shape), np.uint8)
    return patch
