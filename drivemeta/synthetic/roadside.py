"""What stands beside the road, drawn cell by cell along it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivemeta.synthetic.bodies import Paint
from drivemeta.synthetic.furniture import (
    Arm,
    Building,
    LampPost,
    Pole,
    Poster,
    Rail,
    Tree,
)
from drivemeta.synthetic.ground import Road
from drivemeta.synthetic.signs_and_lights import Lamps, Sign
from drivemeta.synthetic.sprites import (
    N_BOARDS,
    N_FACADES,
    N_POSTERS,
    N_TREES,
)
from drivemeta.synthetic.traffic import draw_vehicle

CELL_M = 12.0
_PER_CELL = 64


@dataclass(frozen=True)
class Roadside:
    """What the cells along one road have in common.

    Attributes:
        seed: Seed of everything random.
        road: Road.
        signs: Signs a place where one may stand; 1 is usual.
        names: Pictograms that signs are drawn from.
        yellow_signs: Grounds of signs are yellow.
    """

    seed: int
    road: Road
    signs: float
    names: tuple[str, ...]
    yellow_signs: bool


@dataclass(frozen=True)
class Parked:
    """A parked vehicle."""

    kind: str
    paint: Paint
    heading: float


Thing = Sign | Lamps | Tree | Building | Rail | LampPost | Poster | Parked | Pole | Arm


@dataclass(frozen=True)
class Prop:
    """Something that stands somewhere.

    Attributes:
        thing: Thing that stands there.
        across_m: Distance from the centre line.
        along_m: Distance along the road from where the scene began.
        number: Identity.
    """

    thing: Thing
    across_m: float
    along_m: float
    number: int


class _Cell:
    def __init__(self, roadside: Roadside, cell: int) -> None:
        self.roadside, self.road = roadside, roadside.road
        self.start = cell * CELL_M
        self.first = (cell + 1000) * _PER_CELL
        self.rng = np.random.default_rng([roadside.seed, 4, cell + 1000])
        self.props: list[Prop] = []

    def put(self, thing: Thing, across: float, along: float) -> None:
        self.props.append(Prop(thing, across, along, self.first + len(self.props)))

    def somewhere(self) -> float:
        return self.start + self.rng.uniform(0, CELL_M)

    def side(self, beyond: float) -> tuple[float, bool]:
        """Return a place that far outside the road, on either side, and whether on the left."""
        left = self.rng.random() < 0.5
        return (self.road.left_m - beyond if left else self.road.right_m + beyond), left


def cell_props(roadside: Roadside, cell: int) -> tuple[Prop, ...]:
    """Draw what stands in a cell of 12 m along the road."""
    build = _Cell(roadside, cell)
    _backdrop(build)
    _parked(build)
    _clutter(build)
    _signs(build)
    _lights(build)
    junction = roadside.road.junction_m
    if junction is None:
        return tuple(build.props)
    return tuple(p for p in build.props if _clear_of(p, junction))


def _clear_of(prop: Prop, junction: float) -> bool:
    """Tell whether something does not stand in the crossing road."""
    if isinstance(prop.thing, Lamps | Pole | Arm | Sign):
        return abs(prop.along_m - junction) > 5.5
    end = prop.along_m + (
        prop.thing.size_m[2] if isinstance(prop.thing, Building)
        else prop.thing.length_m if isinstance(prop.thing, Rail) else 0.0
    )  # fmt: skip
    margin = 11.0 if isinstance(prop.thing, Parked) else 8.0
    return end < junction - margin or prop.along_m > junction + margin


def _backdrop(cell: _Cell) -> None:
    rng, road = cell.rng, cell.road
    for left in (False, True):
        edge = -road.left_m if left else road.right_m
        sign = -1 if left else 1
        built = {"urban": 0.85, "suburban": 0.55, "rural": 0.06, "motorway": 0.03}[road.kind]
        if rng.random() < built:
            house = road.kind != "urban"
            tall = rng.uniform(3, 6.5) if house else rng.uniform(6, 22)
            far = road.pavement_m + (rng.uniform(4, 14) if house else rng.uniform(0.3, 5))
            roofs = ((60, 70, 130), (70, 75, 85), (80, 95, 140), (60, 62, 66))
            roof = roofs[rng.integers(4)] if house else None
            size = (rng.uniform(8, 16), tall, rng.uniform(8, CELL_M - 0.2 if house else CELL_M))
            facade = int(rng.integers(N_FACADES))
            house_or_block = Building(facade, size, _tint(rng, 0.06), roof, left)
            cell.put(house_or_block, sign * (edge + far), cell.start)
        trees = {"urban": 0.35, "suburban": 1.1, "rural": 1.5, "motorway": 1.3}[road.kind]
        for _ in range(rng.poisson(trees)):
            far = rng.uniform(1.0, 3.0) if road.kind == "urban" else rng.uniform(2.5, 22)
            tree = Tree(int(rng.integers(N_TREES)), rng.uniform(3.0, 10.0), _tint(rng, 0.08))
            cell.put(tree, sign * (edge + far), cell.somewhere())
        fenced = road.kind == "rural" and (cell.roadside.seed + left) % 3 == 0
        if road.kind == "motorway" or fenced:
            cell.put(Rail(CELL_M), sign * (edge + 0.6), cell.start)


def _tint(rng: np.random.Generator, spread: float) -> tuple[float, float, float]:
    b, g, r = rng.uniform(0.78, 1.15) * rng.uniform(1 - spread, 1 + spread, 3)
    return float(b), float(g), float(r)


def _parked(cell: _Cell) -> None:
    rng, road = cell.rng, cell.road
    if road.kind not in ("urban", "suburban") or road.shoulder_m < 1.7:
        return
    for left in (False, True):
        if rng.random() < 0.55:
            kind, paint = draw_vehicle(rng)
            if kind in ("bus", "truck"):
                kind = "hatchback"
            across = road.left_m + 1.0 if left else road.right_m - 1.0
            heading = (np.pi if left else 0.0) + rng.normal(0, 0.03)
            cell.put(Parked(kind, paint, heading), across, cell.start + rng.uniform(3, 9))


def _clutter(cell: _Cell) -> None:
    rng, road = cell.rng, cell.road
    if rng.random() < (0.3 if road.pavement_m else 0.12):
        across, left = cell.side(0.4)
        cell.put(LampPost(rng.uniform(6, 9), 1.6 if left else -1.6), across, cell.somewhere())
    if rng.random() < 0.07:
        across, _ = cell.side(rng.uniform(2.5, 9))
        cell.put(
            Poster(int(rng.integers(N_POSTERS)), rng.uniform(2.2, 4.5), rng.uniform(2, 4.5)),
            across,
            cell.somewhere(),
        )
    if rng.random() < 0.12:
        across, _ = cell.side(rng.uniform(0.4, 3))
        cell.put(Pole(rng.uniform(1, 8), rng.uniform(0.06, 0.25)), across, cell.somewhere())


def _signs(cell: _Cell) -> None:
    rng, roadside, road = cell.rng, cell.roadside, cell.road
    if rng.random() < 0.34 * roadside.signs:
        across, left = cell.side(rng.uniform(0.35, 2.2))
        if left and rng.random() < 0.45:
            across, left = road.right_m + rng.uniform(0.35, 2.2), False
        along = cell.somewhere()
        centre, scale = rng.uniform(1.9, 2.7), rng.uniform(0.85, 1.25)
        scale *= 1.25 if road.kind == "motorway" else 1.0
        yaw = rng.normal(0, 0.14)
        cell.put(Pole(centre + 0.3, 0.07), across, along + 0.05)
        for _ in range(1 if rng.random() < 0.75 else 2):
            cell.put(_sign(cell, centre, scale, yaw), across, along)
            centre -= 0.95 * scale
    if rng.random() < (0.09 if road.kind == "motorway" else 0.03) * roadside.signs:
        along, scale = cell.somewhere(), rng.uniform(0.7, 1.2)
        across = road.right_m + 1.5 + scale
        sign = Sign(
            None,
            rng.uniform(2.6, 3.4),
            scale,
            rng.normal(0, 0.05),
            board=int(rng.integers(N_BOARDS)),
        )
        if road.kind == "motorway" and rng.random() < 0.6:
            sign = Sign(None, 6.2, 1.5, board=int(rng.integers(N_BOARDS)))
            cell.put(Pole(6.4, 0.3), across, along + 0.3)
            cell.put(Arm(6.2, road.lane_m * 0.2), across, along + 0.3)
            across = rng.uniform(0.6, 2.2) * road.lane_m
        else:
            for shift in (-0.8, 0.8):
                cell.put(Pole(sign.centre_m, 0.1), across + shift * scale, along + 0.05)
        cell.put(sign, across, along)


def _sign(cell: _Cell, centre: float, scale: float, yaw: float) -> Sign:
    rng, names = cell.rng, cell.roadside.names
    name = names[rng.integers(len(names))]
    fading = float(rng.beta(1, 3))
    return Sign(name, centre, scale, yaw, cell.roadside.yellow_signs, fading)


def _lights(cell: _Cell) -> None:
    """Put traffic lights at the junction, or now and then along a street."""
    rng, road, roadside = cell.rng, cell.road, cell.roadside
    if road.junction_m is not None:
        place = road.junction_m - 9.5 if roadside.seed % 2 else road.junction_m + 8.5
        if not cell.start <= place < cell.start + CELL_M:
            return
        along = place
    elif road.kind in ("urban", "suburban") and rng.random() < 0.10:
        along = cell.somewhere()
    else:
        return
    style = np.random.default_rng([roadside.seed, 5])
    flat, yellow, plate = style.random() < 0.12, style.random() < 0.25, style.random() < 0.35
    height = style.uniform(0.8, 1.15)

    def head(centre: float) -> Lamps:
        return Lamps(centre, height, bool(flat), bool(yellow), bool(plate))

    for across in (road.right_m + 0.5, road.left_m - 0.5)[: 1 + int(rng.random() < 0.6)]:
        low = rng.uniform(2.4, 3.2)
        cell.put(Pole(low + 0.5, 0.12), across, along + 0.1)
        cell.put(head(low), across, along)
    if style.random() < 0.55:
        across, top = road.right_m + 0.9, style.uniform(5.2, 6.0)
        cell.put(Pole(top, 0.18), across, along + 0.2)
        cell.put(Arm(top, 0.3 * road.lane_m), across, along + 0.2)
        for lane in range(road.own):
            cell.put(head(top - 0.1), (lane + 0.5) * road.lane_m, along)
