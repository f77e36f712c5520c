"""Light and weather: what colours things, how far one sees, what shines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colour3 = NDArray[np.float32]
Recipe = dict[str, object]
WEATHERS = ("clear", "cloudy", "rain", "fog", "dusk", "night")


def _bgr(b: float, g: float, r: float) -> Colour3:
    return np.array([b, g, r], np.float32)


@dataclass(frozen=True, eq=False)
class Light:
    """The light of a scene; colours are BGR factors, or 0..255 for those of sky and air.

    Attributes:
        weather: Name of the weather.
        ambient: Light from all sides.
        sun: Light from the sun's direction.
        towards_sun: (3,) unit vector across, up, ahead.
        zenith: Colour of the sky overhead.
        haze: Colour of the air, and of the sky at the horizon.
        sight_m: Distance over which the air takes 63 % of the light.
        clouds: Cloudiness of the sky, in [0, 1].
        wet: Wetness of the road, in [0, 1].
        headlights: Strength of the own headlights, 0 by day.
        lamps: Strength of the glow of lamps.
    """

    weather: str
    ambient: Colour3
    sun: Colour3
    towards_sun: Colour3
    zenith: Colour3
    haze: Colour3
    sight_m: float
    clouds: float
    wet: float = 0.0
    headlights: float = 0.0
    lamps: float = 0.15

    @classmethod
    def draw(cls, rng: np.random.Generator, weather: str) -> Light:
        """Draw the light of a weather."""
        azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 1.1)
        sun = np.array(
            [np.cos(azimuth) * np.cos(height), np.sin(height), np.sin(azimuth) * np.cos(height)],
            np.float32,
        )
        recipe = _recipes(rng)[weather]
        return cls(weather=weather, towards_sun=sun, **recipe)  # type: ignore[arg-type]

    @property
    def dark(self) -> bool:
        """Whether lamps are lit."""
        return self.headlights > 0

    def through(self, depth_m: float) -> float:
        """Return the part of an object's light that comes through the air."""
        return float(np.exp(-depth_m / self.sight_m))

    def on(self, normals: NDArray[np.floating], depth_m: float, across_m: float = 0.0) -> Colour3:
        """Return the (n, 3) light that falls on faces with the given (n, 3) unit normals."""
        facing = np.maximum(normals @ self.towards_sun, 0)[:, None]
        sky = (0.72 + 0.28 * normals[:, 1])[:, None]
        lamp = self.beam(depth_m, across_m) * np.maximum(-normals[:, 2], 0.15)[:, None]
        light = self.ambient * sky + self.sun * facing + lamp * _bgr(0.8, 0.9, 0.95)
        return np.asarray(light, np.float32)

    def flat(self, depth_m: float, across_m: float = 0.0) -> Colour3:
        """Return the (3,) light on something that faces the camera."""
        return np.asarray(self.on(np.array([[0.0, 0.3, -0.95]]), depth_m, across_m)[0])

    def beam(self, depth_m: float, across_m: float) -> float:
        """Return the light of the own headlights at a place; `across_m` is from the camera."""
        spread = np.exp(-((across_m / (1.5 + 0.16 * depth_m)) ** 2))
        return float(self.headlights * spread * 1.1 / (1 + (depth_m / 22) ** 2))


def _recipes(rng: np.random.Generator) -> dict[str, Recipe]:
    """Return the light of every weather; all are drawn, so that a seed's scenes differ in no more.

    The values are arguments of `Light` by name.
    """
    warm, grey = rng.uniform(0, 0.12), rng.uniform(150, 225)
    return {
        "clear": _clear(rng, warm),
        "cloudy": _cloudy(rng, grey),
        "rain": _rain(rng),
        "fog": _fog(rng),
        "dusk": _dusk(rng),
        "night": _night(rng),
    }


def _clear(rng: np.random.Generator, warm: float) -> Recipe:
    return {
        "ambient": _bgr(0.46 + warm / 3, 0.43, 0.42 - warm / 3),
        "sun": _bgr(0.52 - warm, 0.58, 0.62),
        "zenith": _bgr(rng.uniform(180, 215), rng.uniform(125, 155), rng.uniform(60, 100)),
        "haze": _bgr(225, 215, rng.uniform(190, 215)),
        "sight_m": rng.uniform(350, 900),
        "clouds": rng.uniform(0, 0.6),
    }


def _cloudy(rng: np.random.Generator, grey: float) -> Recipe:
    return {
        "ambient": _bgr(0.74, 0.72, 0.70) * rng.uniform(0.75, 1.05),
        "sun": _bgr(0.1, 0.1, 0.1),
        "zenith": _bgr(grey, grey * 0.97, grey * 0.93),
        "haze": _bgr(1, 1, 0.98) * rng.uniform(190, 235),
        "sight_m": rng.uniform(250, 700),
        "clouds": rng.uniform(0.6, 1),
    }


def _rain(rng: np.random.Generator) -> Recipe:
    return {
        "ambient": _bgr(0.6, 0.57, 0.55) * rng.uniform(0.7, 1.0),
        "sun": _bgr(0.02, 0.02, 0.02),
        "zenith": _bgr(1, 0.98, 0.96) * rng.uniform(110, 170),
        "haze": _bgr(1, 0.99, 0.97) * rng.uniform(150, 190),
        "sight_m": rng.uniform(90, 220),
        "clouds": 0.8,
        "wet": rng.uniform(0.5, 1),
        "lamps": 0.5,
    }


def _fog(rng: np.random.Generator) -> Recipe:
    return {
        "ambient": _bgr(0.68, 0.67, 0.66) * rng.uniform(0.8, 1.0),
        "sun": _bgr(0.02, 0.02, 0.02),
        "zenith": _bgr(1, 1, 0.99) * rng.uniform(185, 215),
        "haze": _bgr(1, 1, 0.99) * rng.uniform(180, 210),
        "sight_m": rng.uniform(40, 100),
        "clouds": 0.1,
        "lamps": 0.4,
    }


def _dusk(rng: np.random.Generator) -> Recipe:
    return {
        "ambient": _bgr(0.36, 0.29, 0.28) * rng.uniform(0.75, 1.2),
        "sun": _bgr(0.10, 0.18, 0.28),
        "zenith": _bgr(rng.uniform(95, 150), 80, rng.uniform(55, 85)),
        "haze": _bgr(rng.uniform(90, 150), rng.uniform(130, 165), rng.uniform(190, 230)),
        "sight_m": rng.uniform(300, 700),
        "clouds": rng.uniform(0.2, 0.7),
        "headlights": 0.15,
        "lamps": 0.6,
    }


def _night(rng: np.random.Generator) -> Recipe:
    return {
        "ambient": _bgr(0.14, 0.13, 0.13) * rng.uniform(0.7, 1.6),
        "sun": _bgr(0, 0, 0),
        "zenith": _bgr(22, 15, 13) * rng.uniform(0.5, 1.4),
        "haze": _bgr(38, 34, 36) * rng.uniform(0.5, 1.3),
        "sight_m": rng.uniform(150, 400),
        "clouds": 0.2,
        "wet": float(rng.random() < 0.3) * rng.uniform(0.3, 0.9),
        "headlights": rng.uniform(0.7, 1.1),
        "lamps": 1.0,
    }
