"""Vehicles: their meshes placed, lit and painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.synthetic.bodies import (
    BODIES,
    GLASS,
    HEAD,
    PAINT,
    TAIL,
    Floats,
    Mesh,
    Paint,
    mesh_of,
)
from drivemeta.synthetic.camera import NEAREST_M, Camera
from drivemeta.synthetic.canvas import Canvas, Patch
from drivemeta.synthetic.light import Light

_COLOURS = np.array(
    [
        (0, 0, 0), (46, 40, 36), (38, 37, 36), (26, 25, 25), (150, 148, 146),
        (38, 30, 150), (225, 228, 228), (205, 215, 215), (40, 130, 230),
    ],
    float,
)  # fmt: skip


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
        canvas: Canvas to paint on.
        camera: Camera of the frame.
        light: Light of the scene.
        vehicle: Kind, paint, pose and whether it brakes.
        owner: Index of the object.
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
    order = [i for i in seen[np.argsort(-far[seen], kind="stable")] if len(faces[i]) > 2]
    if order:
        patch.convex([faces[i] for i in order], colours[order])
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
    colours = np.asarray(base * lit, np.float64)
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
