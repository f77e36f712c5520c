"""COCO JSON, as annotation tools and exporters write it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from drivemeta.core.boxes import xywh_to_xyxy
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.readers.files import find_image, image_size, read_json
from drivemeta.errors import AnnotationError

Json = dict[str, Any]
_OWN_FIELDS = {"id", "file_name", "width", "height"}


def read_coco(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a COCO JSON file; the images stay on disk and are not decoded.

    Boxes of `iscrowd` annotations are marked as to be ignored. A category that is merely the
    supercategory of others and has no annotation of its own, as Roboflow writes, is left out.

    Args:
        path: JSON file.
        images: Folder of the images; if None, beside the JSON, in `images/` beside it, or in
            `images/` beside its folder `annotations/`.

    Raises:
        AnnotationError: the file is no valid COCO JSON, an image is missing, or an annotation
            refers to an image or a category that is not listed; names the file and the entry.
    """
    path = Path(path)
    content = _sections(path)
    folders = [Path(images)] if images is not None else _folders(path.parent)
    names = _categories(path, content)
    classes = tuple(names.values())
    labels = {category: label for label, category in enumerate(names)}
    by_image = _by_image(path, content, labels)
    found = [
        _image(path, folders, image, by_image[image["id"]], labels)
        for image in _unique(path, "image", content["images"])
    ]
    return Dataset(tuple(found), classes, path)


def is_coco(content: object) -> bool:
    """Tell whether the content of a JSON file looks like COCO."""
    return isinstance(content, dict) and "images" in content and "annotations" in content


def _sections(path: Path) -> dict[str, list[Json]]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise AnnotationError(f"{path}: expected a JSON object, found a {type(content).__name__}")
    for section in ("images", "annotations", "categories"):
        rows = content.get(section)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise AnnotationError(
                f"{path}: expected COCO with the lists 'images', 'annotations' and 'categories'; "
                f"{section!r} is {'missing' if rows is None else 'no list of objects'}"
            )
    return content


def _folders(parent: Path) -> list[Path]:
    """Return where images usually lie for a JSON file in `parent`."""
    folders = [parent, parent / "images"]
    return [*folders, parent.parent / "images"] if parent.name == "annotations" else folders


def _unique(path: Path, kind: str, rows: Iterable[Json]) -> list[Json]:
    """Return the rows after checking that each has an id of its own."""
    seen: set[Any] = set()
    for row in rows:
        if not isinstance(row.get("id"), int | str):
            raise AnnotationError(f"{path}: {kind} {str(row)[:80]} has no id")
        if row["id"] in seen:
            raise AnnotationError(f"{path}: {kind} id {row['id']} occurs twice; ids must be unique")
        seen.add(row["id"])
    return list(rows)


def _categories(path: Path, content: dict[str, list[Json]]) -> dict[Any, str]:
    """Return category id to name in the order of the ids, without mere supercategories."""
    rows = sorted(_unique(path, "category", content["categories"]), key=lambda row: str(row["id"]))
    rows.sort(key=lambda row: row["id"] if isinstance(row["id"], int) else math.inf)
    used = {annotation.get("category_id") for annotation in content["annotations"]}
    parents = {
        row.get("supercategory") for row in rows if row.get("supercategory") != row.get("name")
    }
    names: dict[Any, str] = {}
    for row in rows:
        name = row.get("name")
        if not isinstance(name, str) or not name.strip():
            raise AnnotationError(f"{path}: category {row['id']} has no name")
        if row["id"] not in used and name in parents:
            continue
        if name in names.values():
            raise AnnotationError(f"{path}: the category name {name!r} occurs twice")
        names[row["id"]] = name
    return names


def _by_image(
    path: Path, content: dict[str, list[Json]], labels: dict[Any, int]
) -> dict[Any, list[Json]]:
    """Group checked annotations by the id of their image."""
    images = {image.get("id") for image in content["images"]}
    groups: dict[Any, list[Json]] = defaultdict(list)
    for position, row in enumerate(content["annotations"]):
        entry = f"{path}: {_entry(row, position)}"
        if row.get("image_id") not in images:
            raise AnnotationError(f"{entry}: image_id {row.get('image_id')} is not in 'images'")
        if row.get("category_id") not in labels:
            raise AnnotationError(
                f"{entry}: category_id {row.get('category_id')} is not in 'categories' "
                f"(ids {', '.join(map(str, labels)) or 'none'})"
            )
        box = row.get("bbox")
        if not _is_box(box):
            raise AnnotationError(
                f"{entry}: expected bbox [x, y, width, height], four finite numbers with width "
                f"and height of 0 or more, found {box}"
            )
        groups[row["image_id"]].append({**row, "_entry": _entry(row, position)})
    return groups


def _entry(row: Json, position: int) -> str:
    return f"annotation {row['id']}" if "id" in row else f"annotations[{position}]"


def _is_box(box: object) -> bool:
    return (
        isinstance(box, list)
        and len(box) == 4
        and all(isinstance(x, int | float) and math.isfinite(x) for x in box)
        and box[2] >= 0
        and box[3] >= 0
    )


def _image(
    path: Path,
    folders: list[Path],
    image: Json,
    rows: list[Json],
    labels: dict[Any, int],
) -> AnnotatedImage:
    name = image.get("file_name")
    if not isinstance(name, str) or not name:
        raise AnnotationError(f"{path}: image {image['id']} has no file_name")
    file = find_image(folders, name, f"{path}: image {image['id']}")
    height, width = image.get("height"), image.get("width")
    if not (isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0):
        height, width = image_size(file)
    boxes = np.array([row["bbox"] for row in rows], np.float32).reshape(-1, 4)
    return AnnotatedImage(
        path=file,
        size=(height, width),
        boxes=xywh_to_xyxy(boxes),
        labels=np.array([labels[row["category_id"]] for row in rows], np.int64),
        ignore=np.array([bool(row.get("iscrowd", 0)) for row in rows], np.bool_),
        entries=tuple(row["_entry"] for row in rows),
        attributes={key: value for key, value in image.items() if key not in _OWN_FIELDS},
    )
