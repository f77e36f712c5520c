"""Sky, hills, and the road with its markings, kerbs and verges."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.synthetic.camera import Camera
from drivemeta.synthetic.light import Colour3, Light
from drivemeta.synthetic.noise import SIDE, noise_tile, profile

Plane = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Road:
    """The cross section of a road and what lies beside it.

    Attributes:
        kind: `urban`, `suburban`, `rural` or `motorway`.
        lane_m: Width of a lane.
        oncoming: Number of lanes left of the centre line, none on a motorway.
        own: Number of lanes right of the centre line.
        shoulder_m: Width of the paved strip outside the outer lanes.
        pavement_m: Width of the pavement beyond the kerb, 0 without one.
        asphalt: Colour BGR 0..255.
        verge: Colour BGR of grass or earth.
        slabs: Colour BGR of the pavement.
        centre: Colour BGR of the centre line.
        wear: Wear of the markings, in [0, 1].
        offset: (2,) into the noise tiles.
        junction_m: Place of a crossing road along this road, or None.
    """

    kind: str
    lane_m: float
    oncoming: int
    own: int
    shoulder_m: float
    pavement_m: float
    asphalt: Colour3
    verge: Colour3
    slabs: Colour3
    centre: Colour3
    wear: float
    offset: tuple[float, float]
    junction_m: float | None = None

    @property
    def left_m(self) -> float:
        """Left edge of the paved road."""
        return -self.oncoming * self.lane_m - self.shoulder_m

    @property
    def right_m(self) -> float:
        """Right edge of the paved road."""
        return self.own * self.lane_m + self.shoulder_m


def paint_sky(image: Plane, camera: Camera, light: Light, drift: float) -> None:
    """Paint sky, clouds and distant hills above the horizon."""
    height, width = camera.size
    rows = int(np.clip(np.ceil(camera.horizon_px) + 2, 1, height))
    up = ((camera.horizon_px - np.arange(rows)) / (0.9 * height)).clip(0, 1).astype(np.float32)
    blend = (up[:, None, None] ** 0.6).astype(np.float32)
    sky = light.haze * (1 - blend) + light.zenith * blend
    sky = np.repeat(sky, width, axis=1)
    if light.clouds > 0.05:
        stretch = 1 / np.maximum(up + 0.08, 0.02)
        columns = np.linspace(-1, 1, width, dtype=np.float32)[None] * stretch[:, None] * 90
        lines = np.repeat((stretch * 60)[:, None], width, axis=1) + np.float32(drift)
        columns = np.asarray(columns + np.float32(drift), np.float32)
        puffs = _sample(noise_tile(1.7, 1), np.asarray(lines, np.float32), columns)
        cover = np.clip(puffs * 0.6 + light.clouds * 2.2 - 1.1, 0, 1)[..., None]
        cover *= np.clip(up * 5, 0, 1)[:, None, None] * 0.9
        cloud = light.haze * 1.08 + 6 * puffs[..., None]
        sky = sky * (1 - cover) + cloud * cover
    image[:rows] = sky


def paint_hills(image: Plane, camera: Camera, light: Light, seed: int, colour: Colour3) -> None:
    """Paint layers of hills or far woods on the horizon, paler the farther."""
    height, width = camera.size
    base = int(np.clip(camera.horizon_px + 2, 1, height))
    grain = noise_tile(0.6, 2)
    for layer, (depth, tall) in enumerate(((900.0, 0.09), (450.0, 0.05), (220.0, 0.035))):
        shape = profile(1.6 - 0.35 * layer, seed + 37 * layer, width)
        crest = tall * height * (0.55 + 0.35 * shape) * (0.4 + (seed >> layer) % 3 / 2)
        through = light.through(depth * 0.6)
        for top, bottom in ((max(base - int(crest.max()) - 1, 0), base),):
            mask = np.clip(
                np.arange(top, bottom)[:, None] - (camera.horizon_px - crest)[None], 0, 1
            )
            rough = 1 + 0.16 * grain[: bottom - top, np.arange(width) % SIDE]
            tone = (colour * light.flat(400.0)) * rough[..., None]
            tone = tone * through + light.haze * (1 - through)
            part = image[top:bottom]
            part += (tone - part) * mask[..., None]


def paint_ground(
    image: Plane, camera: Camera, light: Light, road: Road, travelled_m: float, shade: Plane | None
) -> None:
    """Paint everything below the horizon.

    Args:
        image: (h, w, 3) float32 BGR, painted in place.
        camera: Camera that looks along the road.
        light: Light of the scene.
        road: Road to paint.
        travelled_m: Distance that the camera has come along the road.
        shade: (h, w) float32 in [0, 1], how much shadow falls on each pixel, or None.
    """
    first, across64, ahead64 = camera.ground()
    across, ahead = across64.astype(np.float32), ahead64.astype(np.float32)
    along = ahead + np.float32(travelled_m)
    pixel = ahead / np.float32(camera.focal_px)  # metres across one pixel
    grain = _grain(across, along, ahead, camera, road)
    on_road = _between(across, road.left_m, road.right_m, pixel)
    if road.junction_m is not None:
        reach = ahead**2 / (camera.focal_px * camera.height_m)
        crossing = _between(along, road.junction_m - 4.5, road.junction_m + 4.5, reach)
        on_road = np.maximum(on_road, np.repeat(crossing, across.shape[1], axis=1))
    ground = _verges(across, along, pixel, grain, road)
    asphalt = road.asphalt * (1 + 0.10 * grain[..., None])
    ruts = np.cos((across / road.lane_m) * 4 * np.pi) * 0.035 * (1 - np.clip(pixel, 0, 1))
    asphalt = asphalt * (1 + ruts[..., None])
    ground += (asphalt - ground) * on_road[..., None]
    worn = np.clip(1 - road.wear * (0.45 + 0.4 * grain), 0.12, 1)
    for mask, colour in _markings(across, along, ahead, pixel, camera, road):
        ground += (colour - ground) * (mask * worn * on_road)[..., None]
    lit = _lighting(across, ahead, camera, light)
    if shade is not None:
        dim = light.ambient * 0.8 / (light.ambient + light.sun * max(light.towards_sun[1], 0.1))
        lit = lit * (1 - shade[first:, :, None] * (1 - np.minimum(dim, 0.85)))
    ground *= lit
    if light.wet:
        mirror = np.clip(1 - 5.0 / ahead, 0, 0.75) * light.wet * on_road
        mirror *= np.clip(0.7 + 0.3 * grain, 0, 1)
        ground += (light.haze * 0.85 - ground) * (mirror * 0.7)[..., None]
    through = np.exp(-ahead / np.float32(light.sight_m))[..., None]
    image[first:] = ground * through + light.haze * (1 - through)


def _sample(tile: Plane, rows: Plane, columns: Plane) -> Plane:
    return np.asarray(
        cv2.remap(
            tile,
            np.mod(columns, SIDE).astype(np.float32),
            np.mod(rows, SIDE).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
    )


def _grain(across: Plane, along: Plane, ahead: Plane, camera: Camera, road: Road) -> Plane:
    """Return the texture of the ground: coarse patches, and grain where it can be resolved."""
    rows = np.repeat(along, across.shape[1], axis=1)
    reach = ahead**2 / (camera.focal_px * camera.height_m)
    fine = _sample(noise_tile(0.5, 3), rows * 30 + road.offset[0], across * 30)
    streaks = _sample(noise_tile(1.1, 4), rows * 0.8 + road.offset[1], across * 9 + road.offset[0])
    coarse = _sample(noise_tile(1.4, 5), rows * 2.2, across * 2.2 + road.offset[1])
    near = np.clip(0.06 / reach, 0.12, 1)
    middle = np.clip(1.5 / reach, 0.1, 1)
    return np.asarray(fine * near * 0.8 + streaks * middle * 0.45 + coarse * middle * 0.5)


def _between(value: Plane, low: float, high: float, pixel: Plane) -> Plane:
    """Return how much of each pixel lies between two bounds, antialiased."""
    soft = 1 / np.maximum(pixel, 1e-3)
    return np.asarray(
        np.clip((value - low) * soft + 0.5, 0, 1) * np.clip((high - value) * soft + 0.5, 0, 1)
    )


def _verges(across: Plane, along: Plane, pixel: Plane, grain: Plane, road: Road) -> Plane:
    ground = road.verge * (1 + 0.24 * grain[..., None])
    if road.pavement_m:
        inner = np.maximum(road.left_m - across, across - road.right_m)
        slabs = road.slabs * (1 + 0.07 * grain[..., None])
        joints = _stripes(along, 0.6, 0.03, pixel * 8) + _stripes(inner, 0.6, 0.03, pixel)
        slabs = slabs * (1 - 0.25 * np.clip(joints, 0, 1))[..., None]
        ground += (slabs - ground) * _between(inner, 0.0, road.pavement_m, pixel)[..., None]
        kerb = _between(inner, 0.0, 0.16, pixel)[..., None]
        ground += (road.slabs * 1.12 - ground) * kerb
        ground *= 1 - 0.35 * _between(inner, -0.12, 0.0, pixel)[..., None]
    return np.asarray(ground, np.float32)


def _stripes(value: Plane, period: float, width: float, pixel: Plane) -> Plane:
    """Return periodic lines, fading to their mean where they cannot be resolved."""
    distance = np.abs(np.mod(value, period) - period / 2)
    line = np.clip((width / 2 - distance) / np.maximum(pixel, 1e-3) + 0.5, 0, 1)
    blur = np.clip(pixel / period * 2, 0, 1)
    return np.asarray(line * (1 - blur) + width / period * blur)


def _markings(
    across: Plane, along: Plane, ahead: Plane, pixel: Plane, camera: Camera, road: Road
) -> list[tuple[Plane, Colour3]]:
    """Return masks and colours of what is painted on the road."""
    white = np.array([215, 220, 222], np.float32)
    reach = ahead**2 / (camera.focal_px * camera.height_m)
    period, filled = (12.0, 4.0) if road.kind in ("rural", "motorway") else (6.0, 3.0)
    phase = np.mod(along + road.offset[0], period)
    dashes = np.clip((filled / 2 - np.abs(phase - period / 2)) / reach + 0.5, 0, 1)
    fade = np.clip(reach / period, 0, 1)
    dashes = dashes * (1 - fade) + filled / period * fade
    clear = np.ones_like(along)
    marks: list[tuple[Plane, Colour3]] = []
    if road.junction_m is not None:
        clear = 1 - _between(along, road.junction_m - 8.8, road.junction_m + 8.8, reach)
        before = _between(along, road.junction_m - 9.2, road.junction_m - 8.7, reach)
        marks.append((before * _between(across, 0.1, road.right_m, pixel), white))
        bars = _stripes(across, 1.0, 0.5, pixel)
        for start in (road.junction_m - 8.0, road.junction_m + 5.0):
            zebra = _between(along, start, start + 3.0, reach)
            marks.append((bars * zebra * _between(across, road.left_m, road.right_m, pixel), white))
    solid = clear * 0.9
    for lane in range(-road.oncoming, road.own + 1):
        x = lane * road.lane_m
        edge = lane in (-road.oncoming, road.own)
        if edge and road.kind == "urban":
            continue
        line = _between(across, x - 0.07, x + 0.07, pixel)
        centre = lane == 0 and not edge
        along_mask = solid if edge or (centre and int(road.offset[1]) % 2) else dashes * clear
        marks.append((line * along_mask, road.centre if centre else white))
    return marks


def _lighting(across: Plane, ahead: Plane, camera: Camera, light: Light) -> Plane:
    """Return the light on the ground, (h, w, 3), or (1, 1, 3) by day."""
    upward = light.on(np.array([[0.0, 1.0, 0.0]]), 1e6)[0]
    if not light.dark:
        return np.asarray(upward[None, None])
    offset = (
        across
        - np.float32(camera.across_m)
        + camera.bend(ahead.astype(np.float64)).astype(np.float32)
    )
    spread = np.exp(-((offset / (1.2 + 0.17 * ahead)) ** 2))
    pool = light.headlights * 0.75 * spread / (1 + (ahead / 16) ** 2) * np.clip(ahead / 6, 0.4, 1)
    warm = np.array([0.82, 0.95, 1.0], np.float32)
    return np.asarray(upward + pool[..., None] * warm, np.float32)
