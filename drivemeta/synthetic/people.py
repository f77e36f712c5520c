"""Pedestrians and cyclists as jointed figures that face any way and move their legs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivemeta.synthetic.camera import NEAREST_M, Camera
from drivemeta.synthetic.canvas import Canvas, Patch
from drivemeta.synthetic.light import Light

Floats = NDArray[np.float64]
Paint = tuple[float, float, float]
SKINS: tuple[Paint, ...] = ((150, 180, 220), (120, 155, 205), (80, 110, 160), (45, 65, 100))
CLOTHES: tuple[Paint, ...] = (
    (40, 38, 38), (60, 55, 50), (110, 75, 45), (140, 95, 55), (45, 40, 140), (90, 90, 92),
    (200, 200, 198), (60, 110, 60), (50, 140, 190), (130, 120, 160), (30, 60, 90),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A person on foot or on a cycle.

    Attributes:
        height_m: Height of the person.
        skin: Colour BGR of face and hands.
        top: Colour of the upper clothes.
        legs: Colour of the lower clothes.
        hair: Colour of the hair or helmet.
        cycle: Colour of the cycle ridden, or None on foot.
        bag: Whether a bag hangs from the shoulder.
    """

    height_m: float
    skin: Paint
    top: Paint
    legs: Paint
    hair: Paint
    cycle: Paint | None = None
    bag: bool = False

    @classmethod
    def draw(cls, rng: np.random.Generator, *, cycling: bool) -> Person:
        """Draw what someone looks like."""
        pick = rng.integers(len(CLOTHES), size=3)
        child = not cycling and rng.random() < 0.12
        return cls(
            height_m=rng.uniform(1.1, 1.4) if child else rng.normal(1.72, 0.08),
            skin=SKINS[rng.integers(len(SKINS))],
            top=CLOTHES[pick[0]],
            legs=CLOTHES[pick[1] % 6],
            hair=((35, 40, 50), (25, 30, 35), (60, 90, 130), (90, 90, 95))[rng.integers(4)],
            cycle=CLOTHES[pick[2]] if cycling else None,
            bag=bool(rng.random() < 0.3),
        )


class _Figure:
    """Collects discs and limbs in metres (x right, y up), then draws them."""

    def __init__(self, turn: float) -> None:
        self.turn = turn
        self.parts: list[tuple[Floats, Paint]] = []

    def limb(self, points: list[tuple[float, float]], widths: list[float], colour: Paint) -> None:
        """Add a chain of tapered segments with round joints."""
        path = np.array(points) * (self.turn, 1)
        for i in range(len(path) - 1):
            self.parts.append((_capsule(path[i], path[i + 1], widths[i], widths[i + 1]), colour))

    def blob(self, centre: tuple[float, float], radii: tuple[float, float], colour: Paint) -> None:
        """Add an ellipse."""
        angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        ring = np.stack([radii[0] * np.cos(angles), radii[1] * np.sin(angles)], axis=1)
        self.parts.append((ring + np.array(centre) * (self.turn, 1), colour))

    def wheel(self, x: float, radius: float, squeeze: float, colour: Paint) -> None:
        """Add a wheel seen at an angle, as a ring of segments."""
        angles = np.linspace(0, 2 * np.pi, 17)
        ring = np.stack(
            [x + radius * squeeze * np.cos(angles), radius + radius * np.sin(angles)], 1
        )
        for a, b in itertools.pairwise(ring):
            self.parts.append(
                (_capsule(a * (self.turn, 1), b * (self.turn, 1), 0.05, 0.05), colour)
            )


def _capsule(a: Floats, b: Floats, wa: float, wb: float) -> Floats:
    along = np.arctan2(b[1] - a[1], b[0] - a[0])
    fan = np.linspace(np.pi / 2, 3 * np.pi / 2, 6) + along
    first = a + wa / 2 * np.stack([np.cos(fan), np.sin(fan)], axis=1)
    last = b + wb / 2 * np.stack([np.cos(fan + np.pi), np.sin(fan + np.pi)], axis=1)
    return np.concatenate([first, last])


def _walker(person: Person, phase: float, side: float) -> _Figure:
    """Return a walking figure; `side` is 1 from the side and 0 from front or rear."""
    figure = _Figure(1.0)
    k = person.height_m / 1.72
    swing = 0.32 * np.sin(phase)
    hip, shoulder = 0.9 * k, 1.42 * k
    spread = 0.08 * (1 - side)
    for sign in (-1, 1):
        s = sign * swing
        x = sign * spread
        lift = max(0.0, -np.cos(phase) * sign) * 0.10
        knee = (x + s * 0.6 * side, 0.48 * k + lift * 0.5)
        foot = (x + s * 1.1 * side, 0.05 + lift * (0.6 + 0.4 * side))
        shade = 0.82 if sign < 0 else 1.0
        trousers = tuple(shade * c for c in person.legs)
        figure.limb([(x, hip), knee, foot], [0.17 * k, 0.14 * k, 0.10 * k], trousers)  # type: ignore[arg-type]
        toe = (foot[0] + 0.13 * side, foot[1] - 0.01)
        figure.limb([foot, toe], [0.09, 0.08], (30, 30, 32))
    for sign in (-1, 1):
        s = -sign * swing * 0.8 * side
        x = sign * (0.19 * (1 - side) + 0.02) * k
        shade = 0.8 if sign < 0 else 0.95
        sleeve = tuple(shade * c for c in person.top)
        elbow, hand = (x + s * 0.5 + sign * 0.04 * (1 - side), 1.16 * k), (x + s, 0.92 * k)
        figure.limb([(x, shoulder - 0.04), elbow, hand], [0.11 * k, 0.09 * k, 0.08 * k], sleeve)  # type: ignore[arg-type]
        figure.blob(hand, (0.045, 0.05), person.skin)
    width = (0.36 - 0.12 * side) * k
    figure.limb(
        [(0, hip), (0, 1.2 * k), (0, shoulder - 0.06)],
        [width * 0.85, width * 0.9, width],
        person.top,
    )
    _head(figure, person, 0.02 * side, 1.6 * k, side)
    if person.bag:
        figure.limb([(-0.13 * side - 0.16 * (1 - side), 1.05 * k)] * 2, [0.24, 0.26], (50, 55, 70))
    return figure


def _head(figure: _Figure, person: Person, x: float, y: float, side: float) -> None:
    figure.limb([(x, y - 0.2), (x, y - 0.05)], [0.1, 0.1], person.skin)
    figure.blob((x, y), (0.085, 0.115), person.skin)
    figure.blob((x - 0.02 * side, y + 0.045), (0.092, 0.085), person.hair)


def _cyclist(person: Person, phase: float, side: float) -> _Figure:
    figure = _Figure(1.0)
    frame = person.cycle or (40, 40, 40)
    squeeze = 0.1 + 0.9 * side
    for x in (-0.52, 0.52):
        figure.wheel(x * side, 0.34, squeeze, (28, 28, 28))
    crank, seat, bar = (0.0, 0.32), (-0.18 * side, 0.95), (0.38 * side, 1.02)
    rear, front = (-0.52 * side, 0.34), (0.52 * side, 0.34)
    for chain in ([rear, crank, seat, rear], [crank, bar], [front, bar], [seat, bar]):
        figure.limb(chain, [0.045] * len(chain), frame)
    figure.limb(
        [(bar[0] - 0.28 * (1 - side), 1.06), (bar[0] + 0.28 * (1 - side), 1.06)],
        [0.05, 0.05],
        (35, 35, 35),
    )
    for sign in (-1, 1):
        turn = phase + (0 if sign > 0 else np.pi)
        x = sign * 0.09 * (1 - side)
        foot = (x + 0.16 * np.cos(turn) * side, 0.32 + 0.16 * np.sin(turn))
        knee = (x + (0.16 + 0.05 * np.cos(turn)) * side, 0.70 + 0.08 * np.sin(turn))
        figure.limb([(seat[0] + x, 0.98), knee, foot], [0.17, 0.13, 0.09], person.legs)
        figure.blob(foot, (0.05 + 0.07 * side, 0.045), (30, 30, 30))
    lean = 0.2 * side
    neck = (seat[0] + lean, 1.5)
    figure.limb([(seat[0], 1.0), neck], [0.30, 0.34 - 0.06 * side], person.top)
    for sign in (-1, 1):
        grip = (bar[0] + sign * 0.26 * (1 - side), 1.08)
        elbow = ((neck[0] + grip[0]) / 2 + sign * 0.12 * (1 - side), 1.2)
        figure.limb(
            [(neck[0] + sign * 0.15 * (1 - side), 1.44), elbow, grip],
            [0.11, 0.09, 0.07],
            person.top,
        )
    _head(figure, person, neck[0] + 0.06 * side, 1.70, side)
    return figure


def paint_person(
    canvas: Canvas,
    camera: Camera,
    light: Light,
    person: tuple[Person, float, float, float, float],
    owner: int,
) -> Floats | None:
    """Paint someone and return the (4,) box, unclipped, or None if out of sight.

    Args:
        canvas: Canvas to paint on.
        camera: Camera of the frame.
        light: Light of the scene.
        person: Person, metres across and ahead, heading in radians (0 is away from the camera, a
            right angle to the right), and the phase of the steps in radians.
        owner: Index of the object.
    """
    who, across, ahead, heading, phase = person
    if ahead < NEAREST_M:
        return None
    side = float(abs(np.sin(heading)))
    figure = (_cyclist if who.cycle else _walker)(who, phase, side)
    turn = -1.0 if np.sin(heading) < 0 else 1.0
    foot, _ = camera.project([(across, 0.0, ahead)])
    scale = camera.focal_px / ahead
    parts = [(foot[0] + points * (turn, -1) * scale, colour) for points, colour in figure.parts]
    every = np.concatenate([points for points, _ in parts])
    box = np.concatenate([every.min(axis=0), every.max(axis=0)])
    patch = Patch.around(box, camera.size)
    if patch is None:
        return None
    lit = light.flat(ahead, across - camera.across_m)
    patch.convex([points for points, _ in parts], np.array([ink for _, ink in parts]) * lit)
    _round(patch)
    patch.paste(canvas, (light.haze, light.through(ahead)), owner)
    return np.asarray(box)


def _round(patch: Patch) -> None:
    """Shade a flat figure as if lit from above and one side."""
    height, width = patch.image.shape[:2]
    shade = np.linspace(1.12, 0.78, height)[:, None] + np.linspace(0.1, -0.12, width)[None]
    colour = patch.image[..., :3] * shade[..., None]
    patch.image[..., :3] = np.minimum(colour, patch.image[..., 3:])
