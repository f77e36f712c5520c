"""What a project holds at one moment, and the actions that lead to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from drivemeta.errors import InputError

Xyxy: TypeAlias = tuple[float, float, float, float]
Origin = Literal["drawn", "proposed", "hit", "followed"]
LEAST_SIDE_PX = 3.0
LEAST_THRESHOLD = 0.05  # as adaptation sets them
MOST_LETTERS = 80
MOST_JOINED = 20  # objects by one box


@dataclass(frozen=True)
class Box:
    """One annotated box.

    Attributes:
        id: Number, unique in the project, from 1.
        clip: Name of the clip.
        frame: Number of the frame, from 0.
        xyxy: Place in pixels of the frame.
        name: Name of the class.
        object: Number of the object; boxes of one drive past one sign share it.
        origin: How it came about: drawn by hand, a proposal or a hit that was taken, or followed.
    """

    id: int
    clip: str
    frame: int
    xyxy: Xyxy
    name: str
    object: int
    origin: Origin = "drawn"


@dataclass(frozen=True)
class Rejected:
    """A place in a frame that is none of a class."""

    clip: str
    frame: int
    xyxy: Xyxy
    name: str


@dataclass(frozen=True)
class State:
    """All that a user decided.

    Attributes:
        boxes: Annotated boxes, in the order in which they came.
        rejected: Hits that were rejected.
        classes: Names of the classes, in the order in which they came.
        thresholds: Thresholds that the user set, by class; the others are as they were learnt.
        next_id: Number of the next box.
    """

    boxes: tuple[Box, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    classes: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    next_id: int = 1

    def box(self, number: int) -> Box:
        """Return a box by its number; InputError if it is not there."""
        for each in self.boxes:
            if each.id == number:
                return each
        raise InputError(f"expected the number of a box, found {number}: it was removed meanwhile")


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


_Name = Annotated[str, Field(min_length=1, max_length=MOST_LETTERS)]


class _Placed(_Action):
    clip: str
    frame: int = Field(ge=0)
    xyxy: Xyxy
    name: _Name


class Add(_Placed):
    """Annotate a box.

    `object` is that of a box of the same object, if there is one; `also` are those of further boxes
    that turn out to show it, too.
    """

    do: Literal["add"]
    origin: Origin = "drawn"
    object: int | None = None
    also: tuple[int, ...] = Field((), max_length=MOST_JOINED)


class Reject(_Placed):
    """Say that a hit is none of its class."""

    do: Literal["reject"]


class Move(_Action):
    """Move or resize a box."""

    do: Literal["move"]
    id: int
    xyxy: Xyxy


class Rename(_Action):
    """Give a box another class, and all that show the same object."""

    do: Literal["rename"]
    id: int
    name: _Name


class Remove(_Action):
    """Remove a box."""

    do: Literal["remove"]
    id: int


class RenameClass(_Action):
    """Rename a class; one that is there already takes its boxes."""

    do: Literal["rename_class"]
    name: _Name
    to: _Name


class RemoveClass(_Action):
    """Remove a class, and all that was said of it."""

    do: Literal["remove_class"]
    name: _Name


class SetThreshold(_Action):
    """Set the threshold of a class; None for the one that was learnt."""

    do: Literal["threshold"]
    name: _Name
    value: float | None = Field(ge=LEAST_THRESHOLD, le=1)


Action = Annotated[
    Add | Reject | Move | Rename | Remove | RenameClass | RemoveClass | SetThreshold,
    Field(discriminator="do"),
]


def apply(state: State, action: Action) -> State:
    """Return the state after an action; places are checked by whoever knows the clips.

    Raises:
        InputError: the action names what is not there, or a name is empty.
    """
    match action:
        case Add():
            return _add(state, action)
        case Reject():
            place = Rejected(action.clip, action.frame, action.xyxy, clean_name(action.name))
            return replace(state, rejected=(*state.rejected, place))
        case Move():
            return _changed(state, replace(state.box(action.id), xyxy=action.xyxy))
        case Rename():
            return _rename(state, state.box(action.id).object, clean_name(action.name))
        case Remove():
            state.box(action.id)
            return replace(state, boxes=tuple(b for b in state.boxes if b.id != action.id))
        case RenameClass():
            return _rename_class(state, clean_name(action.name), clean_name(action.to))
        case RemoveClass():
            return _remove_class(state, clean_name(action.name))
        case SetThreshold():
            return _set_threshold(state, clean_name(action.name), action.value)


def clean_name(name: str) -> str:
    """Return a class name without spaces about it and control characters in it.

    Raises:
        InputError: nothing is left.
    """
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not cleaned:
        raise InputError("expected the name of a class, found an empty one; type a name")
    return cleaned


def checked_place(xyxy: Xyxy, size: tuple[int, int]) -> Xyxy:
    """Return a box clipped to a frame and its corners in order.

    Args:
        xyxy: Two corners in pixels.
        size: Height and width of the frame.

    Raises:
        InputError: less than three pixels of a side are left.
    """
    height, width = size
    xs = sorted(min(max(x, 0.0), float(width)) for x in xyxy[0::2])
    ys = sorted(min(max(y, 0.0), float(height)) for y in xyxy[1::2])
    if min(xs[1] - xs[0], ys[1] - ys[0]) < LEAST_SIDE_PX:
        raise InputError(
            f"expected a box of {LEAST_SIDE_PX:g} or more pixels a side inside the frame of "
            f"{width}x{height}, found {[round(x, 1) for x in xyxy]}; draw it larger"
        )
    return (round(xs[0], 2), round(ys[0], 2), round(xs[1], 2), round(ys[1], 2))


def _add(state: State, action: Add) -> State:
    name, number = clean_name(action.name), state.next_id
    box = Box(
        number,
        action.clip,
        action.frame,
        action.xyxy,
        name,
        number if action.object is None else action.object,
        action.origin,
    )
    boxes = (replace(b, object=box.object) if b.object in action.also else b for b in state.boxes)
    state = replace(state, boxes=(*boxes, box), next_id=number + 1)
    return _with_class(state, name)


def _changed(state: State, box: Box) -> State:
    return replace(state, boxes=tuple(box if b.id == box.id else b for b in state.boxes))


def _rename(state: State, number: int, name: str) -> State:
    boxes = tuple(replace(b, name=name) if b.object == number else b for b in state.boxes)
    return _with_class(replace(state, boxes=boxes), name)


def _with_class(state: State, name: str) -> State:
    if name in state.classes:
        return state
    return replace(state, classes=(*state.classes, name))


def _known(state: State, name: str) -> None:
    if name not in state.classes:
        raise InputError(f"expected the name of a class, found {name!r}, which is not there")


def _rename_class(state: State, name: str, to: str) -> State:
    _known(state, name)
    classes = dict.fromkeys(to if known == name else known for known in state.classes)
    thresholds = {known: value for known, value in state.thresholds.items() if known != name}
    if name in state.thresholds and to not in state.classes:
        thresholds[to] = state.thresholds[name]
    return replace(
        state,
        boxes=tuple(replace(b, name=to) if b.name == name else b for b in state.boxes),
        rejected=tuple(replace(r, name=to) if r.name == name else r for r in state.rejected),
        classes=tuple(classes),
        thresholds=thresholds,
    )


def _remove_class(state: State, name: str) -> State:
    _known(state, name)
    return replace(
        state,
        boxes=tuple(b for b in state.boxes if b.name != name),
        rejected=tuple(r for r in state.rejected if r.name != name),
        classes=tuple(known for known in state.classes if known != name),
        thresholds={known: v for known, v in state.thresholds.items() if known != name},
    )


def _set_threshold(state: State, name: str, value: float | None) -> State:
    thresholds = {known: v for known, v in state.thresholds.items() if known != name}
    if value is not None:
        thresholds[name] = round(value, 4)
    return replace(state, thresholds=thresholds)
