"""COCO JSON, as annotation tools and exporters write it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from drivemeta.data.dataset import Dataset, SetAside
from drivemeta.data.readers.coco_boxes import box_round_polygons, check_boxes
from drivemeta.data.readers.files import read_json
from drivemeta.data.readers.finder import ImageFinder, usual_folders
from drivemeta.data.readers.foreign import foreign_format
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, ReaderFindings, dataset_of
from drivemeta.data.readers.shapes import turned_box
from drivemeta.data.readers.values import as_flag, as_id, as_name, as_number, as_size, short
from drivemeta.errors import AnnotationError

Json = dict[str, Any]
Id = int | str
OWN_FORMAT = "COCO of drivemeta detect"
_OWN_WORDS = "DriveMeta"
_IGNORED = ("iscrowd", "ignore", "difficult")
_OWN_FIELDS = {"id", "file_name", "width", "height"}


def read_coco(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a COCO JSON file; the images stay on disk and are not decoded.

    Boxes of annotations with `iscrowd`, `ignore` or `difficult` are to be ignored, those with a
    `rotation` among their attributes (CVAT) are the upright boxes round the turned ones, and
    annotations of keypoints alone are set aside. A category that is merely the supercategory of
    others and has no annotation of its own, as Roboflow writes, is left out.

    Args:
        path: JSON file.
        images: Folder of the images; if None, the usual ones beside the JSON.

    Raises:
        AnnotationError: the file is no valid COCO JSON, an image is missing, or an annotation
            refers to an image or a category that is not listed, or boxes are two corners each;
            names the file and the entry.
    """
    path = Path(path)
    content = _sections(path)
    names = _categories(path, content)
    rows = _by_image(path, content, names)
    notes = check_boxes(path, content["annotations"])
    finder = ImageFinder([Path(images)] if images is not None else usual_folders(path.parent))
    parsed = [
        _image(path, finder, key, image, rows.boxes[key])
        for key, image in _unique(path, "image", content["images"]).items()
    ]
    info = content.get("info")
    ours = isinstance(info, dict) and str(info.get("description")).startswith(_OWN_WORDS)
    found = ReaderFindings(OWN_FORMAT if ours else "COCO", rows.set_aside, finder.renamed, notes)
    return dataset_of(parsed, path, found, list(names.values()))


def is_coco(content: object) -> TypeGuard[Json]:
    """Tell whether the content of a JSON file looks like COCO."""
    return isinstance(content, dict) and "images" in content and "annotations" in content


def _sections(path: Path) -> Json:
    content = read_json(path)
    if not is_coco(content):
        raise AnnotationError(
            f"{path}: expected COCO with the lists 'images', 'annotations' and 'categories', "
            f"found {foreign_format(content)}"
        )
    for section in ("images", "annotations", "categories"):
        rows = content.get(section)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise AnnotationError(
                f"{path}: expected COCO with the lists 'images', 'annotations' and 'categories'; "
                f"{section!r} is {'missing' if rows is None else 'no list of objects'}"
            )
    return content


def _unique(path: Path, kind: str, rows: Iterable[Json]) -> dict[Id, Json]:
    """Return the rows by their ids, after checking that each has one of its own."""
    found: dict[Id, Json] = {}
    for row in rows:
        if row.get("id") is None:
            raise AnnotationError(f"{path}: {kind} {str(row)[:80]} has no id")
        key = as_id(row["id"], f"{path}: {kind} id")
        if key in found:
            raise AnnotationError(f"{path}: {kind} id {key} occurs twice; ids must be unique")
        found[key] = row
    return found


def _categories(path: Path, content: Json) -> dict[Id, str]:
    """Return category id to name in the order of the ids, without mere supercategories."""
    rows = _unique(path, "category", content["categories"])
    order = sorted(rows, key=lambda key: (key if isinstance(key, int) else math.inf, str(key)))
    used = {
        as_id(row["category_id"], f"{path}: {_entry(row, i)}: category_id")
        for i, row in enumerate(content["annotations"])
        if row.get("category_id") is not None
    }
    parents = {
        row["supercategory"].strip()
        for row in rows.values()
        if isinstance(row.get("supercategory"), str) and row["supercategory"] != row.get("name")
    }
    names: dict[Id, str] = {}
    for key in order:
        if rows[key].get("name") is None:
            raise AnnotationError(f"{path}: category {key} has no name")
        name = as_name(rows[key]["name"], f"{path}: category {key}")
        if key not in used and name in parents:
            continue
        if name in names.values():
            raise AnnotationError(f"{path}: the category name {name!r} occurs twice")
        names[key] = name
    return names


@dataclass
class _Rows:
    """Boxes by the ids of their images, and what is none."""

    boxes: dict[Id, list[ParsedBox]] = field(default_factory=lambda: defaultdict(list))
    set_aside: list[SetAside] = field(default_factory=list)


def _by_image(path: Path, content: Json, names: dict[Id, str]) -> _Rows:
    """Group checked annotations by the id of their image."""
    images = _unique(path, "image", content["images"])
    rows = _Rows()
    for position, row in enumerate(content["annotations"]):
        entry = _entry(row, position)
        where = f"{path}: {entry}"
        if "segments_info" in row:
            raise AnnotationError(
                f"{where}: expected the box of an object, found segments of a whole image "
                "(panoptic); export objects (instances)"
            )
        image = as_id(row.get("image_id"), f"{where}: image_id")
        category = as_id(row.get("category_id"), f"{where}: category_id")
        if image not in images:
            raise AnnotationError(f"{where}: image_id {image} is not in 'images'")
        if category not in names:
            raise AnnotationError(
                f"{where}: category_id {category} is not in 'categories' "
                f"(ids {', '.join(map(str, list(names)[:20])) or 'none'})"
            )
        ignored = [as_flag(row.get(name), f"{where}: {name}") for name in _IGNORED]
        if _is_of_points(row):
            aside = SetAside(path.name, f"{entry} ({names[category]!r})", "keypoints have no box")
            rows.set_aside.append(aside)
            continue
        box, turn = _box(row, where), _turn(row, where)
        place, is_round = turned_box(box, turn), turn % 360 != 0
        rows.boxes[image].append(
            ParsedBox(entry, place, names[category], any(ignored), is_round, _object_of(row))
        )
    return rows


def _object_of(row: Json) -> int:
    """Return the number of the object as `drivemeta teach` writes it; others mean other things."""
    number = row.get("object")
    if isinstance(number, bool) or not isinstance(number, int) or "origin" not in row:
        return -1
    return number if 0 <= number < 1 << 62 else -1


def _entry(row: Json, position: int) -> str:
    known = isinstance(row.get("id"), int | float | str)
    return f"annotation {str(row['id'])[:40]}" if known else f"annotations[{position}]"


def _is_of_points(row: Json) -> bool:
    """Tell whether an annotation is keypoints without a box."""
    return bool(row.get("keypoints")) and _is_empty(row.get("bbox")) and not row.get("segmentation")


def _is_empty(box: object) -> bool:
    return not box or (isinstance(box, list) and all(value == 0 for value in box))


def _box(row: Json, where: str) -> list[float]:
    """Return left, top, right, bottom: of `bbox`, else round the polygons."""
    box = row.get("bbox")
    if _is_empty(box) and isinstance(row.get("segmentation"), list) and row["segmentation"]:
        return box_round_polygons(row["segmentation"], f"{where}: segmentation")
    if not isinstance(box, list) or len(box) != 4:
        raise AnnotationError(
            f"{where}: expected bbox [x, y, width, height], four finite numbers with width and "
            f"height of 0 or more, found {box if isinstance(box, list) else short(box)!s:.80}"
        )
    x, y, width, height = (as_number(value, f"{where}: bbox") for value in box)
    if width < 0 or height < 0:
        raise AnnotationError(
            f"{where}: expected bbox [x, y, width, height] with width and height of 0 or more, "
            f"found {box}"
        )
    return [x, y, x + width, y + height]


def _turn(row: Json, where: str) -> float:
    """Return the degrees by which CVAT says that a box is turned."""
    attributes = row.get("attributes")
    turn = attributes.get("rotation") if isinstance(attributes, dict) else None
    return 0.0 if turn is None else as_number(turn, f"{where}: rotation")


def _image(
    path: Path, finder: ImageFinder, key: Id, image: Json, boxes: Sequence[ParsedBox]
) -> ParsedImage:
    where = f"{path}: image {key}"
    name = image.get("file_name") or image.get("coco_url")  # the latter alone: LVIS
    if not name:
        raise AnnotationError(f"{where} has no file_name")
    return ParsedImage(
        path=finder.find(name, where),
        size=as_size(image.get("height"), image.get("width"), where),
        boxes=boxes,
        attributes={name: value for name, value in image.items() if name not in _OWN_FIELDS},
    )
