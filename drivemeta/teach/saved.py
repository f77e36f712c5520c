"""The annotation file of a project: COCO, with the decisions of the user beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from drivemeta.core.coco import coco_row
from drivemeta.errors import AnnotationError
from drivemeta.files import write_text
from drivemeta.teach.state import Box, Origin, Rejected, State, Xyxy

VERSION = 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class _Picture(_Strict):
    id: int
    clip: str
    frame: int


class _Category(_Strict):
    id: int
    name: str


class _Annotation(_Strict):
    id: int
    image_id: int
    category_id: int
    bbox: Xyxy
    object: int
    origin: Origin


class _Rejection(_Strict):
    clip: str
    frame: int
    xyxy: Xyxy
    name: str


class _Decisions(_Strict):
    version: int
    revision: int
    next_id: int
    thresholds: dict[str, float]
    rejected: list[_Rejection]


class _File(_Strict):
    images: list[_Picture]
    categories: list[_Category]
    annotations: list[_Annotation]
    drivemeta: _Decisions


def coco_of(state: State, facts: Callable[[str, int], dict[str, Any]]) -> dict[str, Any]:
    """Return the boxes of a state as COCO, one image for each frame that has some.

    Frames come in the order of their first boxes: of an object, the first one is the shot.

    Args:
        state: State.
        facts: Function that returns `file_name`, `height` and `width` of a frame.
    """
    frames = list(dict.fromkeys((box.clip, box.frame) for box in state.boxes))
    numbers = {place: number for number, place in enumerate(frames)}
    labels = {name: label for label, name in enumerate(state.classes)}
    annotations = []
    for box in state.boxes:
        left, top, right, bottom = box.xyxy
        xywh = (left, top, right - left, bottom - top)
        row = coco_row(numbers[box.clip, box.frame], labels[box.name], xywh)
        area = round(row["bbox"][2] * row["bbox"][3], 2)
        more = {"object": box.object, "origin": box.origin}
        annotations.append({"id": box.id, **row, "area": area, "iscrowd": 0, **more})
    return {
        "images": [
            {"id": numbers[clip, frame] + 1, **facts(clip, frame), "clip": clip, "frame": frame}
            for clip, frame in frames
        ],
        "categories": [{"id": label + 1, "name": name} for name, label in labels.items()],
        "annotations": annotations,
    }


def write_state(
    path: Path, revision: int, state: State, facts: Callable[[str, int], dict[str, Any]]
) -> None:
    """Write a state whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    decisions = {
        "version": VERSION,
        "revision": revision,
        "next_id": state.next_id,
        "thresholds": dict(state.thresholds),
        "rejected": [vars(place) for place in state.rejected],
    }
    whole = {**coco_of(state, facts), "drivemeta": decisions}
    write_text(path, json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def read_state(path: Path) -> tuple[int, State]:
    """Return the revision and the state of a file; an empty one where there is none yet.

    Raises:
        AnnotationError: the file is damaged, or of a later version.
    """
    if not path.exists():
        return 0, State()
    try:
        file = _File.model_validate(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        found = _first(error) if isinstance(error, ValidationError) else str(error)
        raise AnnotationError(
            f"{path}: expected the annotations that `drivemeta teach` wrote, found {found}; put a "
            "copy back, or begin another project"
        ) from error
    if file.drivemeta.version != VERSION:
        raise AnnotationError(
            f"{path}: expected version {VERSION}, found {file.drivemeta.version}; open it with "
            "the version of drivemeta that wrote it"
        )
    try:
        return file.drivemeta.revision, _state(file)
    except KeyError as error:
        raise AnnotationError(
            f"{path}: an annotation refers to the image or category {error}, which is not there; "
            "put a copy back, or begin another project"
        ) from error


def _state(file: _File) -> State:
    names = {category.id: category.name for category in file.categories}
    places = {picture.id: (picture.clip, picture.frame) for picture in file.images}
    boxes = []
    for row in file.annotations:
        left, top, width, height = row.bbox
        xyxy = (left, top, round(left + width, 2), round(top + height, 2))
        clip, frame = places[row.image_id]
        boxes.append(Box(row.id, clip, frame, xyxy, names[row.category_id], row.object, row.origin))
    said = file.drivemeta
    return State(
        tuple(boxes),
        tuple(Rejected(r.clip, r.frame, r.xyxy, r.name) for r in said.rejected),
        tuple(names.values()),
        said.thresholds,
        max([said.next_id, *(box.id + 1 for box in boxes)]),
    )


def _first(error: ValidationError) -> str:
    mistake = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, mistake['loc'])) or 'the whole'}: {mistake['msg']}"
