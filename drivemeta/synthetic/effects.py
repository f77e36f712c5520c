"""What a camera adds: glow, blur, rain, noise, compression, and the car's own bonnet."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.synthetic.canvas import NOBODY, Canvas
from drivemeta.synthetic.light import Light
from drivemeta.synthetic.noise import SIDE, noise_tile
from drivemeta.synthetic.pen import Image


@dataclass(frozen=True)
class Sensor:
    """How the camera renders what it sees.

    Attributes:
        target: Mean grey level that the automatic exposure aims at, in [0, 1].
        contrast: Exponent of the tone curve.
        saturation: 1 keeps the colours.
        blur_px: Deviation of the lens blur at 360 rows.
        noise: Deviation in grey levels.
        vignette: Part by which the corners are darker.
        jpeg: Quality of the compression, or None for none.
        bonnet: Part of the height that the own bonnet covers, 0 for none.
    """

    target: float = 0.42
    contrast: float = 1.0
    saturation: float = 1.0
    blur_px: float = 0.4
    noise: float = 2.0
    vignette: float = 0.1
    jpeg: int | None = 85
    bonnet: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator, *, dark: bool) -> Sensor:
        """Draw a camera."""
        return cls(
            target=rng.uniform(0.16, 0.30) if dark else rng.uniform(0.36, 0.52),
            contrast=rng.uniform(0.85, 1.2),
            saturation=rng.uniform(0.75, 1.2),
            blur_px=max(0.0, rng.normal(0.45, 0.25)),
            noise=rng.uniform(2, 7) if dark else rng.uniform(0.8, 3.5),
            vignette=rng.uniform(0, 0.25),
            jpeg=int(rng.integers(50, 95)),
            bonnet=rng.uniform(0.03, 0.12) if rng.random() < 0.35 else 0.0,
        )


def paint_bonnet(canvas: Canvas, sensor: Sensor, light: Light) -> None:
    """Cover the lower edge with the own car's bonnet."""
    if not sensor.bonnet:
        return
    height, width = canvas.image.shape[:2]
    x = np.linspace(-1, 1, width)
    top = height * (1 - sensor.bonnet * np.clip(1 - 0.55 * x**2 - 0.4 * x**8, 0, 1))
    first = int(top.min())
    rows = np.arange(first, height)[:, None] + 0.5
    mask = np.clip(rows - top[None], 0, 1).astype(np.float32)
    depth = np.clip((rows - top[None]) / max(height - first, 1), 0, 1)[..., None]
    tone = (light.haze * 0.28 * (1 - depth) + 14) * light.flat(1e6)
    part = canvas.image[first:]
    part += (tone.astype(np.float32) - part) * mask[..., None]
    canvas.owner[first:][mask > 0.5] = NOBODY


def add_glow(canvas: Canvas, *, wet: float) -> None:
    """Add the light of lamps, spread a little and a lot; on a wet road it runs downwards."""
    if not canvas.glowing:
        return
    image, small = canvas.image, cv2.resize(canvas.glow, None, fx=0.25, fy=0.25,
                                            interpolation=cv2.INTER_AREA)  # fmt: skip
    unit = image.shape[0] / 360
    halo = cv2.GaussianBlur(small, (0, 0), 1.1 * unit) * 0.9
    halo += cv2.GaussianBlur(small, (0, 0), 4.5 * unit) * 0.8
    if wet:
        streak = cv2.GaussianBlur(small, (0, 0), sigmaX=0.9 * unit, sigmaY=9 * unit)
        shift = np.array([[1, 0, 0], [0, 1, 12 * unit]], np.float32)
        shape = small.shape[1], small.shape[0]
        halo += cv2.warpAffine(streak, shift, shape) * (1.3 * wet)
    image += cv2.resize(halo, (image.shape[1], image.shape[0]))


def expose(
    canvas: Canvas, sensor: Sensor, rng: np.random.Generator, *, raining: bool, speed_mps: float
) -> Image:
    """Return what the sensor delivers, (h, w, 3) uint8 BGR."""
    image = canvas.image
    height, width = image.shape[:2]
    unit = height / 360
    if raining:
        _rain(image, rng, unit, speed_mps)
    if sensor.blur_px * unit > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), sensor.blur_px * unit)
    mean = float(image[::4, ::4].mean()) / 255
    gain = float(np.clip(sensor.target / max(mean, 1e-3), 0.6, 2.6))
    mix = sensor.saturation * np.eye(3) + (1 - sensor.saturation) / 3
    image = np.asarray(cv2.transform(image, gain * mix), np.float32)
    if sensor.vignette:
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
        x = np.linspace(-1, 1, width, dtype=np.float32)[None] ** 2
        image *= (1 - np.float32(sensor.vignette) * (x + y) / 2)[..., None]
    curve = 255 * (np.arange(256) / 255) ** sensor.contrast
    frame: Image = cv2.LUT(
        np.clip(image, 0, 255).astype(np.uint8), np.round(curve).astype(np.uint8)
    )
    frame = cv2.add(frame, _noise(rng, sensor.noise, (height, width)), dtype=cv2.CV_8U)
    if sensor.jpeg is not None:
        _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, sensor.jpeg])
        frame = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return frame


def _noise(rng: np.random.Generator, deviation: float, size: tuple[int, int]) -> NDArray[np.int16]:
    """Return (h, w, 3) noise, some of it common to the colours; coarser in large frames."""
    tile, shifts = noise_tile(0.0, 9), rng.integers(0, SIDE, (4, 2))
    grey, *colours = (np.roll(tile, tuple(shift), (0, 1)) for shift in shifts)
    grain = np.dstack([0.52 * grey + 0.6 * colour for colour in colours]) * deviation
    grain = np.round(grain).astype(np.int16)
    zoom = max(1, round(size[0] / 540))
    repeats = [-(-side // (SIDE * zoom)) for side in size]
    large = np.tile(np.kron(grain, np.ones((zoom, zoom, 1), np.int16)), (*repeats, 1))
    return large[: size[0], : size[1]]


def _rain(
    image: NDArray[np.float32], rng: np.random.Generator, unit: float, speed_mps: float
) -> None:
    """Draw streaks of falling drops, and drops on the windscreen that blur what is behind."""
    height, width = image.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    for _ in range(110):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        length = rng.uniform(6, 18) * unit
        lean = (x - width / 2) / width * speed_mps * 0.03
        end = (round(x + lean * length), round(y + length))
        cv2.line(streaks, (round(x), round(y)), end, int(rng.uniform(25, 90)), 1, cv2.LINE_AA)
    image += (cv2.GaussianBlur(streaks, (0, 0), 0.6 * unit)[..., None]) * np.float32(0.6)
    drops = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(4, 22))):
        centre = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        cv2.circle(drops, centre, max(1, int(rng.uniform(1.5, 5) * unit)), 1.0, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(image, (0, 0), 4 * unit) * np.float32(1.08)
    image += (soft - image) * (cv2.GaussianBlur(drops, (0, 0), unit) * np.float32(0.75))[..., None]
