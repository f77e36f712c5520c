"""What moves: vehicles in their lanes and across the junction, people on foot and on cycles.

Each keeps its speed on a ring far longer than the sight, so any moment can be asked for at once;
whatever comes round again is someone else, with a new identity.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from drivemeta.synthetic.bodies import BODIES, PAINTS, Paint
from drivemeta.synthetic.ground import Road
from drivemeta.synthetic.people import Person
from drivemeta.synthetic.vehicles import Pose

_RING_M, _BEHIND_M = 210.0, 30.0
_LAPS = 10_000
_FIRST_ID = 1_000_000
_KINDS = tuple(BODIES)
_SHARES = (0.3, 0.29, 0.2, 0.09, 0.05, 0.07)


@dataclass(frozen=True)
class Mover:
    """Something that moves, at one moment.

    Attributes:
        thing: Kind and paint of a vehicle, or a person.
        pose: Pose ahead of the camera.
        braking: Whether the brake lights are lit.
        phase: Phase of steps or pedals, in radians.
        number: Identity.
    """

    thing: tuple[str, Paint] | Person
    pose: Pose
    braking: bool
    phase: float
    number: int


@dataclass(frozen=True)
class _Slot:
    start_m: float
    speed_mps: float
    across_m: float
    heading: float
    kind: str
    crossing: bool = False
    still: bool = False


class Traffic:
    """All that moves in a scene.

    Args:
        seed: Seed of the scene.
        road: Road that it moves on.
        speed_mps: Speed of the own car.
        own_lane: Lane of the own car, 0 is next to the centre line.
    """

    def __init__(self, seed: int, road: Road, speed_mps: float, own_lane: int) -> None:
        self._seed, self._road, self._own_speed = seed, road, speed_mps
        rng = np.random.default_rng([seed, 2])
        self._slots = [
            *self._lanes(rng, own_lane),
            *self._people(rng),
            *(self._crossing(rng) if road.junction_m is not None else ()),
        ]

    def at(self, time_s: float) -> list[Mover]:
        """Return where everyone is at a time."""
        return [self._mover(i, slot, time_s) for i, slot in enumerate(self._slots)]

    def _lanes(self, rng: np.random.Generator, own_lane: int) -> list[_Slot]:
        road, slots = self._road, []
        busy = rng.uniform(0.3, 1.6)
        waiting = road.junction_m is not None
        for lane in range(-road.oncoming, road.own):
            ours = lane >= 0
            n = int(rng.poisson(busy * (4.2 if ours else 4.8)))
            speed = rng.uniform(-3, 5) if lane != own_lane else 0.0
            velocity = (
                self._own_speed + speed
                if ours
                else -rng.uniform(0.7, 1.2) * max(self._own_speed, 8)
            )
            for k in range(n):
                start = (k + rng.uniform(0.15, 0.7)) * _RING_M / n - _BEHIND_M
                if lane == own_lane:
                    start = 9 + (k + rng.uniform(0, 0.6)) * 150 / n
                if waiting:
                    start = self._queue(rng, k, ours=ours, own=lane == own_lane)
                across = (lane + 0.5) * road.lane_m + rng.normal(0, 0.18)
                heading = rng.normal(0, 0.01) + (0.0 if ours else np.pi)
                still = waiting or lane == own_lane
                slots.append(
                    _Slot(
                        start, 0.0 if waiting else velocity, across, heading, "vehicle", still=still
                    )
                )
        return slots

    def _queue(self, rng: np.random.Generator, k: int, *, ours: bool, own: bool) -> float:
        """Return where the k-th waiting vehicle of a lane stands."""
        junction = self._road.junction_m or 0.0
        beyond = junction + 12 + 8 * k + rng.uniform(0, 2)
        return beyond if own or not ours else junction - 12 - 7.5 * k

    def _people(self, rng: np.random.Generator) -> list[_Slot]:
        road, slots = self._road, []
        crowd = {"urban": 9.0, "suburban": 4.0, "rural": 0.5, "motorway": 0.0}[road.kind]
        for _ in range(rng.poisson(crowd * rng.uniform(0.3, 1.3))):
            right = rng.random() < 0.5
            edge = road.right_m if right else -road.left_m
            across = edge + rng.uniform(0.5, max(road.pavement_m, 1.5))
            away = rng.random() < 0.5
            speed = rng.uniform(0.9, 1.7) * (1 if away else -1)
            heading = (0.0 if away else np.pi) + rng.normal(0, 0.25)
            slots.append(
                _Slot(rng.uniform(0, 75), speed, across if right else -across, heading, "walker")
            )
        for _ in range(
            rng.poisson({"urban": 1.6, "suburban": 1.1, "rural": 0.5, "motorway": 0}[road.kind])
        ):
            right = rng.random() < 0.65
            across = road.right_m - 0.6 if right else road.left_m + 0.6
            speed = rng.uniform(3.5, 6.5) * (1 if right else -1)
            heading = (0.0 if right else np.pi) + rng.normal(0, 0.12)
            slots.append(_Slot(rng.uniform(5, 60), speed, across, heading, "cyclist"))
        return slots

    def _crossing(self, rng: np.random.Generator) -> list[_Slot]:
        slots = []
        for side in (-1, 1):
            speed = side * rng.uniform(4, 9)
            for k in range(rng.poisson(2.2)):
                start = (k + rng.uniform(0.1, 0.6)) * 30
                slots.append(
                    _Slot(start, speed, 2.0 * -side, side * np.pi / 2, "vehicle", crossing=True)
                )
            for _ in range(rng.poisson(1.3)):
                across = rng.choice((-6.5, 6.5)) + rng.normal(0, 0.4)
                kind = "walker" if rng.random() < 0.7 else "cyclist"
                pace = side * (rng.uniform(0.9, 1.6) if kind == "walker" else rng.uniform(3, 5))
                slots.append(
                    _Slot(rng.uniform(0, 40), pace, across, side * np.pi / 2, kind, crossing=True)
                )
        return slots

    def _mover(self, index: int, slot: _Slot, time_s: float) -> Mover:
        ring, behind = (70.0, 35.0) if slot.crossing else (_RING_M, _BEHIND_M)
        if slot.kind != "vehicle" and not slot.crossing:
            ring, behind = 100.0, 20.0
        relative = slot.speed_mps - (0.0 if slot.crossing else self._own_speed)
        place = slot.start_m + behind + relative * time_s
        lap, along = 0, place - behind
        if not slot.still:
            lap, along = int(np.floor(place / ring)), place % ring - behind
        if slot.crossing:
            pose = Pose(along, (self._road.junction_m or 0.0) + slot.across_m, slot.heading)
        else:
            pose = Pose(slot.across_m, along, slot.heading)
        thing, phase = _appearance(self._seed, index, lap, slot.kind)
        stride = abs(slot.speed_mps) * time_s * (4.2 if slot.kind == "walker" else 3.0)
        braking = slot.still and slot.speed_mps == 0
        number = _FIRST_ID + index * _LAPS + lap % _LAPS
        return Mover(thing, pose, braking, phase + stride, number)


@functools.lru_cache(maxsize=4096)
def _appearance(
    seed: int, index: int, lap: int, kind: str
) -> tuple[tuple[str, Paint] | Person, float]:
    rng = np.random.default_rng([seed, 3, index, lap % _LAPS])
    phase = rng.uniform(0, 2 * np.pi)
    if kind == "vehicle":
        return draw_vehicle(rng), phase
    return Person.draw(rng, cycling=kind == "cyclist"), phase


def draw_vehicle(rng: np.random.Generator) -> tuple[str, Paint]:
    """Draw the kind and the paint of a vehicle."""
    kind = _KINDS[rng.choice(len(_KINDS), p=_SHARES)]
    paint = PAINTS[rng.integers(len(PAINTS))]
    shade = rng.uniform(0.85, 1.1)
    return kind, (paint[0] * shade, paint[1] * shade, paint[2] * shade)
