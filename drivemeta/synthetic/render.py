"""One frame of a scene: painted from far to near, with the exact boxes of what is in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.core.boxes import FloatArray, box_area, clip_boxes
from drivemeta.synthetic.camera import Camera
from drivemeta.synthetic.canvas import Canvas
from drivemeta.synthetic.effects import add_glow, expose, paint_bonnet
from drivemeta.synthetic.furniture import Building, Rail, Tree
from drivemeta.synthetic.ground import paint_ground, paint_hills, paint_sky
from drivemeta.synthetic.panels import View
from drivemeta.synthetic.pen import Image
from drivemeta.synthetic.people import Person, paint_person
from drivemeta.synthetic.roadside import Parked, Prop
from drivemeta.synthetic.scene import Scene
from drivemeta.synthetic.signs_and_lights import STATES, Lamps, Sign
from drivemeta.synthetic.traffic import Mover
from drivemeta.synthetic.vehicles import Pose, footprint, paint_vehicle

LEAST_PX, LEAST_VISIBLE = 3.0, 0.1
CLEAR_PX, CLEAR_VISIBLE = 5.0, 0.35
_LEAST_THROUGH = 0.1
_NEAREST_SIGN_M = 2.0
_TURN = np.linspace(0, 2 * np.pi, 12, endpoint=False)
_DISC = np.stack([np.cos(_TURN), 0 * _TURN, np.sin(_TURN)], axis=1)


@dataclass(frozen=True, eq=False)
class SyntheticFrame:
    """A frame and what is in it, one row an object, the nearest last.

    Attributes:
        image: (h, w, 3) uint8 BGR.
        boxes: (n, 4) float32 xyxy in pixels, clipped to the frame.
        names: Super-class of each object.
        leaves: Sign class of a sign that has one, state (`red`, `yellow`, `green`, `off`) of a
            traffic light, else None.
        ids: (n,) int64, the same for the same object in every frame of its scene.
        visible: (n,) float32, the part of the object that is seen, neither hidden nor outside.
    """

    image: Image
    boxes: FloatArray
    names: tuple[str, ...]
    leaves: tuple[str | None, ...]
    ids: NDArray[np.int64]
    visible: FloatArray

    def __len__(self) -> int:
        return len(self.names)

    @property
    def clear(self) -> NDArray[np.bool_]:
        """(n,) bool: large and visible enough for a detector to find."""
        sides = (self.boxes[:, 2:] - self.boxes[:, :2]).min(axis=1) if len(self) else np.zeros(0)
        return np.asarray((sides >= CLEAR_PX) & (self.visible >= CLEAR_VISIBLE))


@dataclass(frozen=True)
class _Found:
    box: NDArray[np.float64] | None
    name: str
    leaf: str | None
    number: int
    ahead_m: float


def render(scene: Scene, frame_index: int) -> SyntheticFrame:
    """Render a frame of a scene; equal scenes and indices give equal frames."""
    rng = np.random.default_rng([scene.seed, 6, frame_index])
    camera, light = scene.camera(frame_index), scene.light
    travelled = scene.travelled_m(frame_index)
    canvas = Canvas(np.zeros((*scene.size, 3), np.float32))
    movers, props = scene.movers(frame_index), scene.props(travelled)
    paint_sky(canvas.image, camera, light, drift=scene.time_s(frame_index) * 2 + scene.seed % 500)
    if scene.road.kind != "urban":
        paint_hills(canvas.image, camera, light, scene.seed, scene.hills)
    shade = _shadows(scene, camera, movers, props, travelled)
    paint_ground(canvas.image, camera, light, scene.road, travelled, shade)
    found = _paint_all(scene, View(canvas, camera, light), frame_index, movers, props)
    paint_bonnet(canvas, scene.sensor, light)
    add_glow(canvas, wet=light.wet)
    image = expose(
        canvas, scene.sensor, rng, raining=light.weather == "rain", speed_mps=scene.speed_mps
    )
    return _annotate(image, found, canvas, scene)


def _paint_all(
    scene: Scene, view: View, frame_index: int, movers: list[Mover], props: list[Prop]
) -> list[_Found]:
    """Paint what stands and what moves, the farthest first, and note the objects."""
    travelled = scene.travelled_m(frame_index)
    order: list[tuple[float, Mover | Prop]] = [(m.pose.ahead_m, m) for m in movers]
    order += [(_depth(prop, travelled), prop) for prop in props]
    found: list[_Found] = []
    for _, item in sorted(order, key=lambda entry: -entry[0]):
        note = (
            _paint_mover(view, item, len(found))
            if isinstance(item, Mover)
            else _paint_prop(scene, view, (item, travelled, frame_index), len(found))
        )
        if note is not None:
            found.append(note)
    return found


def _depth(prop: Prop, travelled: float) -> float:
    """Return the distance by which something is sorted: of its far end where it is long."""
    ahead = prop.along_m - travelled
    if isinstance(prop.thing, Building):
        return ahead + prop.thing.size_m[2]
    return ahead + prop.thing.length_m if isinstance(prop.thing, Rail) else ahead


def _paint_mover(view: View, mover: Mover, owner: int) -> _Found | None:
    canvas, camera, light, pose = view.canvas, view.camera, view.light, mover.pose
    if isinstance(mover.thing, Person):
        who = (mover.thing, pose.across_m, pose.ahead_m, pose.heading, mover.phase)
        box = paint_person(canvas, camera, light, who, owner)
        name = "cyclist" if mover.thing.cycle else "pedestrian"
    else:
        vehicle = (*mover.thing, pose, mover.braking)
        box, name = paint_vehicle(canvas, camera, light, vehicle, owner), "vehicle"
    return _Found(box, name, None, mover.number, pose.ahead_m)


def _paint_prop(
    scene: Scene, view: View, placed: tuple[Prop, float, int], owner: int
) -> _Found | None:
    prop, travelled, frame_index = placed
    thing, across, ahead = prop.thing, prop.across_m, prop.along_m - travelled
    if not isinstance(thing, Sign | Lamps | Parked):
        thing.paint(view, across, ahead)
        return None
    if isinstance(thing, Parked):
        parked = (thing.kind, thing.paint, Pose(across, ahead, thing.heading), False)
        box = paint_vehicle(view.canvas, view.camera, view.light, parked, owner)
        return _Found(box, "vehicle", None, prop.number, ahead)
    if ahead < _NEAREST_SIGN_M:
        return None
    if isinstance(thing, Sign):
        box = thing.paint(view, across, ahead, owner)
        return _Found(box, "traffic_sign", thing.name, prop.number, ahead)
    state = light_state(scene, prop, frame_index)
    box = thing.paint(view, (across, ahead), state, owner)
    return _Found(box, "traffic_light", state, prop.number, ahead)


def light_state(scene: Scene, prop: Prop, frame_index: int) -> str:
    """Return the state of a traffic light: red while the own car stands, else by its phase."""
    group = round(prop.along_m * 10)
    rng = np.random.default_rng([scene.seed, 7, group + 10_000])
    if rng.random() < 0.05:
        return "off"
    phase = (rng.uniform(0, 24) + scene.time_s(frame_index)) % 24
    if scene.road.junction_m is not None:
        return "red" if phase < 20 else "yellow"
    return STATES[0] if phase < 10 else STATES[2] if phase < 20.5 else STATES[1]


def _shadows(
    scene: Scene, camera: Camera, movers: list[Mover], props: list[Prop], travelled: float
) -> FloatArray:
    """Return (h, w) float32 in [0, 1]: shadow under and beside what stands on the road."""
    height, width = scene.size
    mask = np.zeros((height // 2 + 1, width // 2 + 1), np.uint8)
    light = scene.light
    strong = float(light.sun.mean()) > 0.2
    reach = -light.towards_sun[[0, 2]] / max(float(light.towards_sun[1]), 0.25)
    under = [(m.thing[0], m.pose) for m in movers if not isinstance(m.thing, Person)]
    under += [
        (p.thing.kind, Pose(p.across_m, p.along_m - travelled, p.thing.heading))
        for p in props if isinstance(p.thing, Parked)
    ]  # fmt: skip
    shapes = [footprint(kind, pose) for kind, pose in under if pose.ahead_m > 2]
    if strong:
        lean = np.array((reach[0], 0.0, reach[1]), float)
        shapes += [shape + lean * k for shape in shapes[:] for k in (0.6, 1.2)]
        for p in props:
            ahead = p.along_m - travelled
            if isinstance(p.thing, Tree) and 3 < ahead < 80:
                crown = np.array((p.across_m, 0.0, ahead)) + lean * p.thing.height_m * 0.56
                shapes.append(crown + _DISC * p.thing.height_m * 0.28)
    for shape in shapes:
        if (shape[:, 2] > 1.5).all():
            pixels = np.clip(camera.project(shape)[0] / 2, -4000, 4000)
            cv2.fillConvexPoly(mask, np.round(pixels * 16).astype(np.int32), 255, cv2.LINE_8, 4)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.2 * height / 360)
    return np.asarray(cv2.resize(soft, (width, height)) / np.float32(255), np.float32)


def _annotate(image: Image, found: list[_Found], canvas: Canvas, scene: Scene) -> SyntheticFrame:
    height, width = scene.size
    n = len(found)
    nowhere = np.zeros(4)
    whole = np.array([nowhere if f.box is None else f.box for f in found], np.float32)
    whole = whole.reshape(-1, 4)
    boxes = clip_boxes(whole, height, width)
    inside = box_area(boxes) / np.maximum(box_area(whole), 1e-6)
    visible = np.clip(canvas.visible(n) * inside, 0, 1).astype(np.float32)
    sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) if n else np.zeros(0)
    through = np.array([scene.light.through(f.ahead_m) for f in found])
    kept = np.flatnonzero(
        (sides >= LEAST_PX) & (visible >= LEAST_VISIBLE) & (through >= _LEAST_THROUGH)
    )
    return SyntheticFrame(
        image,
        boxes[kept],
        tuple(found[i].name for i in kept),
        tuple(found[i].leaf for i in kept),
        np.array([found[i].number for i in kept], np.int64),
        visible[kept],
    )
