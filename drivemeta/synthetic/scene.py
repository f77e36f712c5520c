"""A road scene drawn from a seed: the place, the light, what stands there and what moves."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivemeta.errors import InputError, suggest
from drivemeta.synthetic.camera import Camera
from drivemeta.synthetic.effects import Sensor
from drivemeta.synthetic.ground import Road
from drivemeta.synthetic.light import WEATHERS, Light
from drivemeta.synthetic.pictograms import pictogram_names
from drivemeta.synthetic.roadside import CELL_M, Prop, Roadside, cell_props
from drivemeta.synthetic.traffic import Mover, Traffic

SIGHT_M = 170.0
_CHANCES = (0.34, 0.2, 0.12, 0.08, 0.1, 0.16)
_KINDS = ("urban", "suburban", "rural", "motorway")


@dataclass(frozen=True)
class Plan:
    """What a scene is to be like; None leaves the choice to the seed.

    Attributes:
        weather: One of `clear`, `cloudy`, `rain`, `fog`, `dusk`, `night`.
        kind: Kind of road, one of `urban`, `suburban`, `rural`, `motorway`.
        signs: Number of signs a place where one may stand; 1 is usual.
        fps: Frames a second.
        speed_mps: Speed of the own car; 0 stands at a junction.
    """

    weather: str | None = None
    kind: str | None = None
    signs: float = 1.0
    fps: float = 15.0
    speed_mps: float | None = None


class Scene:
    """An endless drive; equal arguments give equal scenes.

    Args:
        seed: Seed of everything random.
        size: Height and width of the frames in pixels.
        pictograms: `train`, `demo`, or names of sign classes; a name given more than once is
            drawn more often.
        plan: Plan of the scene.

    Raises:
        InputError: a name in `pictograms` or in `plan` is not known, or the size is too small.
    """

    def __init__(
        self,
        seed: int,
        size: tuple[int, int] = (360, 640),
        pictograms: str | Sequence[str] = "train",
        plan: Plan | None = None,
    ) -> None:
        if min(size) < 32:
            raise InputError(f"a scene's size must be at least 32 by 32 pixels, found {size}")
        plan = plan or Plan()
        names = pictograms if isinstance(pictograms, str) else tuple(pictograms)
        self.names = pictogram_names(names)
        self.seed, self.size, self.plan = seed, size, plan
        rng = np.random.default_rng([seed, 1])
        weather = _choice(rng, plan.weather, WEATHERS, _CHANCES)
        kind = _choice(rng, plan.kind, _KINDS, (0.42, 0.24, 0.2, 0.14))
        self.light = Light.draw(rng, weather)
        standing = kind in ("urban", "suburban") and rng.random() < 0.28
        if plan.speed_mps is not None:
            standing = plan.speed_mps == 0
        self.road = _road(rng, kind, junction_m=rng.uniform(16, 30) if standing else None)
        cruise = {"urban": 11.0, "suburban": 13.0, "rural": 20.0, "motorway": 28.0}[kind]
        cruise *= rng.uniform(0.7, 1.1)
        self.speed_mps = 0.0 if standing else cruise
        if plan.speed_mps is not None:
            self.speed_mps = plan.speed_mps
        self.own_lane = int(rng.integers(self.road.own))
        self.field_of_view = np.deg2rad(rng.uniform(52, 80))
        self.horizon = rng.uniform(0.42, 0.56)
        self.camera_m = rng.uniform(1.2, 1.9)
        self.curvature = 0.0 if standing else float(rng.normal(0, 0.0012))
        self.swerve = rng.uniform(-0.3, 0.3)
        self.sensor = Sensor.draw(rng, dark=weather == "night")
        self.hills = np.array(
            ((62, 88, 75), (85, 95, 88), (70, 100, 92))[rng.integers(3)], np.float32
        )
        self.yellow_signs = bool(rng.random() < 0.22)
        self.roadside = Roadside(seed, self.road, plan.signs, self.names, self.yellow_signs)
        self.traffic = Traffic(seed, self.road, self.speed_mps, self.own_lane)

    @property
    def weather(self) -> str:
        """Name of the weather."""
        return self.light.weather

    def time_s(self, frame_index: int) -> float:
        """Return the time of a frame."""
        return frame_index / self.plan.fps

    def travelled_m(self, frame_index: int) -> float:
        """Return how far the camera has come along the road."""
        return self.speed_mps * self.time_s(frame_index)

    def camera(self, frame_index: int) -> Camera:
        """Return the camera of a frame; it nods a little as the car moves."""
        height, width = self.size
        t = self.time_s(frame_index)
        nod = 0.0012 * np.sin(5.1 * t + self.seed) * min(self.speed_mps / 10, 1.0)
        focal = width / 2 / np.tan(self.field_of_view / 2)
        lane = (self.own_lane + 0.5) * self.road.lane_m
        return Camera(
            self.size,
            float(focal),
            float(self.horizon * height + nod * focal),
            self.camera_m,
            float(lane + self.swerve + 0.12 * np.sin(0.4 * t)),
            self.curvature,
        )

    def props(self, travelled_m: float) -> list[Prop]:
        """Return what stands in sight, in metres along the road from where the scene began."""
        first = int(np.floor((travelled_m - 2 * CELL_M) / CELL_M))
        last = int(np.ceil((travelled_m + SIGHT_M) / CELL_M))
        return [prop for cell in range(first, last) for prop in self._cell(cell)]

    def movers(self, frame_index: int) -> list[Mover]:
        """Return what moves, in metres from the camera along the road."""
        return self.traffic.at(self.time_s(frame_index))

    @functools.lru_cache(maxsize=64)  # noqa: B019  (a scene is short-lived and the cache small)
    def _cell(self, cell: int) -> tuple[Prop, ...]:
        return cell_props(self.roadside, cell)


def _choice(
    rng: np.random.Generator, asked: str | None, known: Sequence[str], chances: Sequence[float]
) -> str:
    drawn = known[rng.choice(len(known), p=chances)]
    if asked is None:
        return drawn
    if asked not in known:
        raise InputError(f"unknown {asked!r} in a scene's plan; {suggest(asked, known)}")
    return asked


def _road(rng: np.random.Generator, kind: str, *, junction_m: float | None) -> Road:
    lanes = {"urban": (1, 3), "suburban": (1, 2), "rural": (1, 2), "motorway": (2, 4)}[kind]
    own = int(rng.integers(lanes[0], lanes[1] + (kind != "rural")))
    own = min(own, 3)
    grey = rng.uniform(82, 140)
    verges = ((52, 102, 86), (60, 110, 105), (85, 120, 135), (48, 88, 66))
    yellow = rng.random() < 0.3
    return Road(
        kind=kind,
        lane_m=rng.uniform(3.0, 3.7),
        oncoming=0 if kind == "motorway" else max(1, own - int(rng.integers(2))),
        own=own,
        shoulder_m={"urban": rng.uniform(0.2, 2.6), "suburban": rng.uniform(0.1, 2.2),
                    "rural": rng.uniform(0.2, 1.0), "motorway": rng.uniform(1.2, 3.0)}[kind],
        pavement_m=rng.uniform(1.6, 3.5) if kind in ("urban", "suburban") else 0.0,
        asphalt=np.array((1.02, 1.0, 0.98), np.float32) * np.float32(grey),
        verge=np.array(verges[rng.integers(4)], np.float32),
        slabs=np.array((1.0, 1.02, 1.04), np.float32) * np.float32(rng.uniform(125, 175)),
        centre=np.array((60, 175, 205) if yellow else (212, 216, 218), np.float32),
        wear=rng.uniform(0, 1),
        offset=(rng.uniform(0, 500), rng.uniform(0, 500)),
        junction_m=junction_m,
    )  # fmt: skip
