"""The bodies of vehicles as small meshes: cross sections along them, then what is fixed on them."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Paint = tuple[float, float, float]
PAINT, GLASS, TRIM, TYRE, METAL, TAIL, HEAD, PLATE = range(8)


@dataclass(frozen=True)
class Body:
    """A kind of vehicle.

    Attributes:
        length_m: Length of the whole vehicle.
        width_m: Width of the whole vehicle.
        sections: Sections from rear to front: place along the length in [0, 1], height of the belt
            line and of the roof in metres, and width of the roof relative to the body.
        glass: Pairs of sections between which the sides have windows.
        screens: Pairs of sections between which the top is glass.
        wheels: Places of the axles along the length.
        wheel_m: Radius of the wheels.
        clear_m: Height of the sill.
        lamp_m: Height of the rear lamps.
        rear_window: Heights of a window in a flat rear, or None.
    """

    length_m: float
    width_m: float
    sections: tuple[tuple[float, float, float, float], ...]
    glass: tuple[tuple[int, int], ...]
    screens: tuple[tuple[int, int], ...]
    wheels: tuple[float, ...]
    wheel_m: float = 0.33
    clear_m: float = 0.22
    lamp_m: float = 0.82
    rear_window: tuple[float, float] | None = None
    front_window: tuple[float, float] | None = None
    box: bool = False


BODIES: dict[str, Body] = {
    "hatchback": Body(
        4.1, 1.78,
        ((0, 0.88, 0.9, 0.8), (0.02, 0.95, 1.0, 0.8), (0.14, 0.97, 1.44, 0.72),
         (0.33, 0.96, 1.48, 0.72), (0.355, 0.96, 1.48, 0.72), (0.5, 0.95, 1.48, 0.72),
         (0.72, 0.93, 0.97, 0.84), (0.97, 0.78, 0.8, 0.84), (1, 0.62, 0.64, 0.8)),
        ((1, 2), (2, 3), (4, 5), (5, 6)), ((1, 2), (5, 6)), (0.19, 0.8)),
    "sedan": Body(
        4.6, 1.82,
        ((0, 0.82, 0.84, 0.85), (0.02, 0.96, 0.98, 0.84), (0.15, 0.98, 1.0, 0.82),
         (0.3, 0.97, 1.4, 0.7), (0.4, 0.96, 1.43, 0.7), (0.42, 0.96, 1.43, 0.7),
         (0.52, 0.95, 1.43, 0.7), (0.7, 0.93, 0.96, 0.84), (0.97, 0.76, 0.78, 0.84),
         (1, 0.6, 0.62, 0.8)),
        ((2, 3), (3, 4), (5, 6), (6, 7)), ((2, 3), (6, 7)), (0.2, 0.8)),
    "suv": Body(
        4.6, 1.9,
        ((0, 1.0, 1.02, 0.82), (0.02, 1.1, 1.14, 0.82), (0.1, 1.12, 1.66, 0.75),
         (0.32, 1.11, 1.72, 0.75), (0.345, 1.11, 1.72, 0.75), (0.55, 1.1, 1.7, 0.75),
         (0.72, 1.06, 1.1, 0.86), (0.96, 0.95, 0.97, 0.86), (1, 0.75, 0.77, 0.82)),
        ((1, 2), (2, 3), (4, 5), (5, 6)), ((1, 2), (5, 6)), (0.19, 0.8), 0.37, 0.27, 0.95),
    "van": Body(
        5.2, 2.0,
        ((0, 1.2, 2.28, 0.9), (0.03, 1.25, 2.34, 0.9), (0.7, 1.25, 2.36, 0.9),
         (0.76, 1.2, 2.28, 0.86), (0.88, 1.12, 1.16, 0.88), (0.98, 0.95, 0.97, 0.86),
         (1, 0.7, 0.72, 0.84)),
        ((3, 4),), ((3, 4),), (0.18, 0.82), 0.36, 0.28, 1.1, (1.35, 1.95)),
    "bus": Body(
        11.5, 2.5,
        ((0, 1.2, 2.95, 0.94), (0.01, 1.25, 3.05, 0.94), (0.99, 1.25, 3.05, 0.94),
         (1, 1.15, 2.95, 0.94)),
        ((1, 2),), (), (0.24, 0.78), 0.5, 0.32, 1.15, (1.7, 2.6), (1.15, 2.6)),
    "truck": Body(
        9.0, 2.5,
        ((0, 1.2, 3.5, 0.99), (0.01, 1.2, 3.55, 0.99), (0.74, 1.2, 3.55, 0.99),
         (0.745, 1.2, 2.7, 0.92), (0.77, 1.2, 2.9, 0.92), (0.98, 1.3, 2.85, 0.9),
         (1, 1.2, 1.9, 0.92)),
        ((4, 5),), ((5, 6),), (0.14, 0.24, 0.87), 0.5, 0.55, 0.75, None, (1.75, 2.5), box=True),
}  # fmt: skip
PAINTS: tuple[Paint, ...] = (
    (235, 235, 232), (208, 210, 210), (175, 172, 168), (112, 110, 108), (52, 50, 50), (30, 29, 30),
    (40, 32, 150), (30, 22, 105), (130, 70, 30), (90, 50, 28), (70, 85, 45), (60, 125, 175),
    (40, 150, 215), (185, 190, 165), (150, 120, 85),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Mesh:
    """Faces over vertices in metres: across, up, ahead; centred, rear at negative ahead.

    Attributes:
        vertices: (n, 3).
        faces: Vertex indices of each face, all counter-clockwise from outside.
        corners: (n_faces, 4) four of them, to compute normals.
        materials: (n_faces,).
        fixed: (n_faces,) bool, lies on the body and is drawn after it.
    """

    vertices: Floats
    faces: tuple[NDArray[np.int64], ...]
    corners: NDArray[np.int64]
    materials: NDArray[np.int64]
    fixed: NDArray[np.bool_]


class _Builder:
    def __init__(self) -> None:
        self.vertices: list[ArrayLike] = []
        self.faces: list[NDArray[np.int64]] = []
        self.materials: list[int] = []
        self.fixed: list[bool] = []

    def face(self, points: ArrayLike, material: int, *, fixed: bool = False) -> None:
        first = len(self.vertices)
        points = np.asarray(points, float)
        self.vertices.extend(points)
        self.faces.append(np.arange(first, first + len(points)))
        self.materials.append(material)
        self.fixed.append(fixed)

    def wall(self, z: float, box: tuple[float, float, float, float], material: int) -> None:
        """Fix a rectangle (left, bottom, right, top) on the rear (z < 0) or the front."""
        x0, y0, x1, y1 = box
        points = [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)]
        self.face(points if z < 0 else points[::-1], material, fixed=True)

    def mesh(self) -> Mesh:
        corners = [face[np.linspace(0, len(face), 4, endpoint=False).astype(int)]
                   for face in self.faces]  # fmt: skip
        return Mesh(
            np.asarray(self.vertices, float),
            tuple(self.faces),
            np.array(corners),
            np.array(self.materials),
            np.array(self.fixed),
        )


@functools.cache
def mesh_of(kind: str) -> Mesh:
    """Build the mesh of a kind of vehicle."""
    body = BODIES[kind]
    build = _Builder()
    rings = [_ring(body, *section) for section in body.sections]
    places = [(section[0] - 0.5) * body.length_m for section in body.sections]
    for i, (rear, front) in enumerate(itertools.pairwise(rings)):
        for j in range(len(rear) - 1):
            a, b = rear[j], rear[j + 1]
            c, d = front[j + 1], front[j]
            quad = [(*a, places[i]), (*d, places[i + 1]), (*c, places[i + 1]), (*b, places[i])]
            build.face(quad, _material(body, i, j, len(rear) - 1))
    _cap(build, rings[0], places[0], rear=True)
    _cap(build, rings[-1], places[-1], rear=False)
    _wheels(build, body)
    _rear(build, body, places[0] - 0.01)
    _front(build, body, places[-1] + 0.01)
    _sides(build, body)
    return build.mesh()


def _ring(
    body: Body, _at: float, belt: float, top: float, roof: float
) -> list[tuple[float, float]]:
    """Return a cross section from the right sill over the roof to the left sill."""
    half = body.width_m / 2
    middle = body.clear_m + 0.55 * (belt - body.clear_m)
    right = [
        (half * 0.94, body.clear_m),
        (half, middle),
        (half * 0.96, belt),
        (half * roof, max(top - 0.05, belt)),
        (half * roof * 0.8, top),
    ]
    return right + [(-x, y) for x, y in right[::-1]]


def _material(body: Body, section: int, strip: int, n_strips: int) -> int:
    side = strip in (2, n_strips - 3)
    top = strip == 4  # the narrow strips beside it are the pillars
    if side and (section, section + 1) in body.glass:
        return GLASS
    if top and (section, section + 1) in body.screens:
        return GLASS
    return PAINT


def _cap(build: _Builder, ring: list[tuple[float, float]], z: float, *, rear: bool) -> None:
    n = len(ring) // 2
    for j in range(n - 1):
        (x0, y0), (x1, y1) = ring[j], ring[j + 1]
        quad = [(-x0, y0, z), (x0, y0, z), (x1, y1, z), (-x1, y1, z)]
        build.face(quad if rear else quad[::-1], PAINT)


def _wheels(build: _Builder, body: Body) -> None:
    half, r = body.width_m / 2, body.wheel_m
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    for place in body.wheels:
        z = (place - 0.5) * body.length_m
        for side in (-1, 1):
            inner, outer = side * (half - 0.24), side * (half - 0.02)
            low, high = min(inner, outer), max(inner, outer)
            for back in (-1, 1):
                zz = z + back * r * 0.75
                quad = [(low, 0.02, zz), (high, 0.02, zz), (high, r, zz), (low, r, zz)]
                build.face(quad if back < 0 else quad[::-1], TYRE)
            for radius, material, out in (
                (r * 1.1, TRIM, 0.01),
                (r, TYRE, 0.02),
                (r * 0.62, METAL, 0.03),
            ):
                x = side * (half + out)
                turn = angles if side < 0 else -angles
                wheel = [(x, r + radius * np.sin(a), z - radius * np.cos(a)) for a in turn]
                build.face(wheel, material, fixed=True)
    half_length = body.length_m / 2
    under = [(-half * 0.9, body.clear_m), (half * 0.9, body.clear_m)]
    for z in (-half_length * 0.9, half_length * 0.9):
        quad = [(under[0][0], 0.13, z), (under[1][0], 0.13, z), (*under[1], z), (*under[0], z)]
        build.face(quad if z < 0 else quad[::-1], TYRE)


def _rear(build: _Builder, body: Body, z: float) -> None:
    half, lamp = body.width_m / 2, body.lamp_m
    build.wall(z, (-half * 0.93, body.clear_m, half * 0.93, body.clear_m + 0.22), TRIM)
    for side in (-1, 1):
        x = sorted((side * half * 0.93, side * half * (0.62 if body.length_m < 5 else 0.8)))
        build.wall(z, (x[0], lamp - 0.1, x[1], lamp + 0.07), TAIL)
    build.wall(z, (-0.26, lamp - 0.22, 0.26, lamp - 0.09), PLATE)
    if body.rear_window:
        low, high = body.rear_window
        build.wall(z, (-half * 0.76, low, half * 0.76, high), GLASS)
    if body.box:
        build.wall(z, (-0.015, 1.0, 0.015, 3.4), TRIM)
        build.wall(z, (-half * 0.97, 0.55, half * 0.97, 0.95), TRIM)
        for side in (-1, 1):
            x = sorted((side * half * 0.95, side * half * 0.72))
            build.wall(z - 0.01, (x[0], lamp - 0.08, x[1], lamp + 0.08), TAIL)


def _front(build: _Builder, body: Body, z: float) -> None:
    half, y = body.width_m / 2, body.clear_m
    build.wall(z, (-half * 0.9, y, half * 0.9, y + 0.14), TRIM)
    build.wall(z, (-half * 0.5, y + 0.2, half * 0.5, y + 0.36), TRIM)
    for side in (-1, 1):
        x = sorted((side * half * 0.92, side * half * 0.58))
        build.wall(z, (x[0], y + 0.26, x[1], y + 0.4), HEAD)
    build.wall(z, (-0.26, y + 0.06, 0.26, y + 0.18), PLATE)
    if body.front_window:
        low, high = body.front_window
        build.wall(z, (-half * 0.86, low, half * 0.86, high), GLASS)


def _sides(build: _Builder, body: Body) -> None:
    """Fix door gaps, sills, and pillars between the windows of a bus on both sides."""
    half, length = body.width_m / 2 + 0.012, body.length_m
    strips = [(0.24, 0.76, body.clear_m, body.clear_m + 0.08, TRIM)]
    if length < 5:
        strips += [(p, p + 0.004, body.clear_m + 0.1, 0.92, TRIM) for p in (0.3, 0.5, 0.7)]
        strips += [(p, p + 0.03, 0.76, 0.79, TRIM) for p in (0.34, 0.54)]
    if length > 11:
        strips += [(p, p + 0.012, 1.25, 2.85, PAINT) for p in np.linspace(0.08, 0.95, 9)]
        strips += [(0.01, 0.99, 2.6, 3.0, PAINT)]
    for start, end, low, high, material in strips:
        a, b = (start - 0.5) * length, (end - 0.5) * length
        for x in (-half, half):
            quad = [(x, low, a), (x, high, a), (x, high, b), (x, low, b)]
            build.face(quad if x < 0 else quad[::-1], material, fixed=True)
