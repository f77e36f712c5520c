"""Vehicles as small meshes: cross sections along the body, then what is fixed on it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drivemeta.data.synthetic.camera import NEAREST_M, Camera
from drivemeta.data.synthetic.canvas import Canvas, Patch
from drivemeta.data.synthetic.light import Light

Floats = NDArray[np.float64]
Paint = tuple[float, float, float]
PAINT, GLASS, TRIM, TYRE, METAL, TAIL, HEAD, PLATE, BLINK = range(9)
_COLOURS = np.array(
    [
        (0, 0, 0), (46, 40, 36), (38, 37, 36), (26, 25, 25), (150, 148, 146),
        (38, 30, 150), (225, 228, 228), (205, 215, 215), (40, 130, 230),
    ],
    float,
)  # fmt: skip


@dataclass(frozen=True)
class Body:
    """A kind of vehicle.

    Attributes:
        length_m: of the whole vehicle.
        width_m: of the whole vehicle.
        sections: from rear to front: place along the length in [0, 1], height of the belt line
            and of the roof in metres, and width of the roof relative to the body.
        glass: pairs of sections between which the sides have windows.
        screens: pairs of sections between which the top is glass.
        wheels: places of the axles along the length.
        wheel_m: radius of the wheels.
        clear_m: height of the sill.
        lamp_m: height of the rear lamps.
        rear_window: heights of a window in a flat rear, or None.
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
         (0.5, 0.95, 1.49, 0.72), (0.72, 0.93, 0.97, 0.84), (0.97, 0.78, 0.8, 0.84),
         (1, 0.62, 0.64, 0.8)),
        ((2, 3), (3, 4), (1, 2)), ((1, 2), (3, 4)), (0.19, 0.8)),
    "sedan": Body(
        4.6, 1.82,
        ((0, 0.82, 0.84, 0.85), (0.02, 0.96, 0.98, 0.84), (0.15, 0.98, 1.0, 0.82),
         (0.3, 0.97, 1.4, 0.7), (0.52, 0.95, 1.43, 0.7), (0.7, 0.93, 0.96, 0.84),
         (0.97, 0.76, 0.78, 0.84), (1, 0.6, 0.62, 0.8)),
        ((2, 3), (3, 4), (4, 5)), ((2, 3), (4, 5)), (0.2, 0.8)),
    "suv": Body(
        4.6, 1.9,
        ((0, 1.0, 1.02, 0.82), (0.02, 1.1, 1.14, 0.82), (0.1, 1.12, 1.66, 0.75),
         (0.55, 1.1, 1.72, 0.75), (0.72, 1.06, 1.1, 0.86), (0.96, 0.95, 0.97, 0.86),
         (1, 0.75, 0.77, 0.82)),
        ((2, 3), (3, 4), (1, 2)), ((1, 2), (3, 4)), (0.19, 0.8), 0.37, 0.27, 0.95),
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
        faces: vertex indices of each face, all counter-clockwise from outside.
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
    for i, (rear, front) in enumerate(zip(rings[:-1], rings[1:], strict=True)):
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


def _ring(body: Body, _at: float, belt: float, top: float, roof: float) -> list[tuple[float, float]]:
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
    top = strip in (3, 4, 5)
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
            for radius, material, out in ((r * 1.1, TRIM, 0.01), (r, TYRE, 0.02), (r * 0.62, METAL, 0.03)):
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


@dataclass(frozen=True)
class Pose:
    """Where a vehicle stands: the middle of its underside, and its heading in radians."""

    across_m: float
    ahead_m: float
    heading: float


def placed(kind: str, pose: Pose) -> Floats:
    """Return the (n, 3) vertices of a vehicle's mesh in road coordinates."""
    mesh = mesh_of(kind)
    c, s = np.cos(pose.heading), np.sin(pose.heading)
    across, up, ahead = mesh.vertices.T
    x = pose.across_m + across * c + ahead * s
    z = pose.ahead_m - across * s + ahead * c
    return np.stack([x, up, z], axis=1)


def footprint(kind: str, pose: Pose) -> Floats:
    """Return the (4, 3) corners of the shadow under a vehicle."""
    body = BODIES[kind]
    half, long = body.width_m / 2 + 0.05, body.length_m / 2
    c, s = np.cos(pose.heading), np.sin(pose.heading)
    corners = np.array([(-half, -long), (half, -long), (half, long), (-half, long)])
    x = pose.across_m + corners[:, 0] * c + corners[:, 1] * s
    z = pose.ahead_m - corners[:, 0] * s + corners[:, 1] * c
    return np.stack([x, np.zeros(4), z], axis=1)


def paint_vehicle(
    canvas: Canvas,
    camera: Camera,
    light: Light,
    vehicle: tuple[str, Paint, Pose, bool],
    owner: int,
) -> Floats | None:
    """Paint a vehicle and return its (4,) box, unclipped, or None if it is out of sight.

    Args:
        canvas: painted on.
        camera: that looks.
        light: of the scene.
        vehicle: kind, paint, pose and whether it brakes.
        owner: index of the object.
    """
    kind, paint, pose, braking = vehicle
    mesh, vertices = mesh_of(kind), placed(kind, pose)
    if (vertices[:, 2] < NEAREST_M).all():
        return None
    pixels, depth = camera.project(vertices)
    faces = _faces(mesh, vertices, pixels, camera)
    outline = np.concatenate(faces)
    box = np.concatenate([outline.min(axis=0), outline.max(axis=0)])
    patch = Patch.around(box, camera.size)
    if patch is None:
        return None
    normals = _normals(mesh, vertices)
    eye = np.array((camera.across_m, camera.height_m, 0.0))
    bent = vertices + np.stack([camera.bend(vertices[:, 2]), *np.zeros((2, len(vertices)))], axis=1)
    towards = eye - bent[mesh.corners].mean(axis=1)
    seen = np.flatnonzero((normals * towards).sum(axis=1) > 0)
    colours = _shade(mesh, vertices, light, paint, (pose, normals, camera))
    if braking:
        colours[mesh.materials == TAIL] = (60, 60, 255)
    far = depth[mesh.corners].mean(axis=1) - 1000.0 * mesh.fixed
    for i in seen[np.argsort(-far[seen], kind="stable")]:
        if len(faces[i]) > 2:
            patch.convex(faces[i], colours[i])
    through = light.through(pose.ahead_m)
    patch.paste(canvas, (light.haze, through), owner)
    _shine(canvas, light, mesh, (pixels, depth, seen), braking=braking)
    return np.asarray(box)


def _faces(mesh: Mesh, vertices: Floats, pixels: Floats, camera: Camera) -> list[Floats]:
    """Return the outline of every face in pixels, cut off where it comes too near."""
    if (vertices[:, 2] > NEAREST_M).all():
        return [pixels[face] for face in mesh.faces]
    return [camera.project(_cut(vertices[face]))[0] for face in mesh.faces]


def _cut(points: Floats) -> Floats:
    """Return the part of a convex polygon (n, 3) that lies beyond the nearest distance."""
    kept = []
    for a, b in zip(points, np.roll(points, -1, axis=0), strict=True):
        if a[2] >= NEAREST_M:
            kept.append(a)
        if (a[2] >= NEAREST_M) != (b[2] >= NEAREST_M):
            kept.append(a + (b - a) * (NEAREST_M - a[2]) / (b[2] - a[2]))
    return np.array(kept).reshape(-1, 3)


def _normals(mesh: Mesh, vertices: Floats) -> Floats:
    """Return the (n_faces, 3) outward unit normals."""
    a, b, c, d = (vertices[mesh.corners[:, i]] for i in range(4))
    normals = np.cross(d - b, c - a)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9))


def _shade(
    mesh: Mesh, vertices: Floats, light: Light, paint: Paint, view: tuple[Pose, Floats, Camera]
) -> Floats:
    """Return the (n_faces, 3) colours of the faces."""
    pose, normals, camera = view
    base = _COLOURS[mesh.materials]
    base[mesh.materials == PAINT] = paint
    lit = light.on(normals, pose.ahead_m, pose.across_m - camera.across_m)
    colours = base * lit
    sky = light.zenith * 0.5 + light.haze * 0.5
    height = vertices[mesh.corners][..., 1].mean(axis=1)
    mirror = np.where(mesh.materials == GLASS, 0.34, 0.0)
    mirror = np.where(mesh.materials == PAINT, 0.14, mirror) * np.clip(normals[:, 1] + 0.4, 0, 1)
    colours = colours + mirror[:, None] * (sky - colours)
    painted = mesh.materials == PAINT
    colours[painted] *= np.clip(0.78 + 0.22 * height[painted], 0.7, 1.08)[:, None]
    if light.dark:
        colours[mesh.materials == TAIL] = np.array((45, 35, 230)) * min(0.5 + light.lamps, 1)
        colours[mesh.materials == HEAD] = (215, 235, 245)
    return np.asarray(colours)


def _shine(
    canvas: Canvas,
    light: Light,
    mesh: Mesh,
    view: tuple[Floats, Floats, NDArray[np.int64]],
    *,
    braking: bool,
) -> None:
    if not (light.dark or braking):
        return
    pixels, depth, seen = view
    for i in seen:
        material = mesh.materials[i]
        if material not in (TAIL, HEAD):
            continue
        corners, far = pixels[mesh.faces[i]], depth[mesh.faces[i]].mean()
        if far <= NEAREST_M + 0.5:
            continue
        size = float(np.ptp(corners[:, 1]))
        x, y = corners.mean(axis=0)
        colour = np.array((200, 225, 240) if material == HEAD else (30, 30, 220)) * light.lamps
        power = 1.6 if material == HEAD else 0.9
        canvas.add_glow(x, y, max(size * power, 0.8), colour * (0.7 if far > 60 else 1))
