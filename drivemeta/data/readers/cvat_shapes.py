"""What CVAT's XML for images and for video have in common: shapes, labels and tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from drivemeta.data.readers.parsed import ParsedImage
from drivemeta.data.readers.shapes import Box, box_round, ellipse_box, mask_box, turned_box
from drivemeta.data.readers.values import as_name, as_number, as_size, short
from drivemeta.errors import AnnotationError

SHAPES = ("box", "polygon", "ellipse", "mask")
NO_AREA = {
    "polyline": "a line has no box",
    "points": "points have no box",
    "cuboid": "a cuboid is no box in the picture",
    "skeleton": "a skeleton has no box",
    "tag": "a tag names the whole image",
}
UNKNOWN = "a shape of an unknown kind"
_SIDES = ("xtl", "ytl", "xbr", "ybr")
_FRAME = ("left", "top", "width", "height")


@dataclass(frozen=True)
class Task:
    """One task of the file; `source` is its video, if it has one.

    `size` is how many frames it has, `start` and `stop` its first and last one, and `frame_size`
    the height and width of a video in pixels.
    """

    number: str
    name: str
    source: str
    subset: str
    size: int | None = None
    start: int = 0
    stop: int = 0
    frame_size: tuple[int, int] | None = None


def shape_box(shape: Element, where: str) -> Box:
    """Return left, top, right, bottom of the upright box round a shape, in pixels.

    Raises:
        AnnotationError: its coordinates are missing or no numbers.
    """
    degrees = as_number(shape.get("rotation", 0), f"{where}: rotation")
    if shape.tag == "box":
        left, top, right, bottom = _numbers(shape, _SIDES, where)
        if left > right or top > bottom:
            raise AnnotationError(f"{where}: expected xtl and ytl below xbr and ybr, found more")
        return turned_box((left, top, right, bottom), degrees)
    if shape.tag == "ellipse":
        x, y, radius_x, radius_y = _numbers(shape, ("cx", "cy", "rx", "ry"), where)
        if min(radius_x, radius_y) < 0:
            raise AnnotationError(f"{where}: expected rx and ry of 0 or more, found less")
        return ellipse_box((x, y), (radius_x, radius_y), degrees)
    if shape.tag == "mask":
        counts = [int(as_number(n, f"{where}: rle")) for n in shape.get("rle", "").split(",")]
        return mask_box(counts, [int(n) for n in _numbers(shape, _FRAME, where)], where)
    return box_round(_points(shape.get("points"), where))


def is_round(shape: Element) -> bool:
    """Tell whether the box round a shape may stick out of the image though the shape does not."""
    return shape.tag == "ellipse" or bool(shape.get("rotation"))


def listed_classes(root: Element, images: Sequence[ParsedImage]) -> list[str]:
    """Return the labels of the task; if they do not cover those in use, all of both, sorted.

    Labels of a skeleton's parts are none: they only describe it.
    """
    labels = [e for e in root.findall("meta//labels/label") if e.find("parent") is None]
    texts = [text for e in labels if (text := (e.findtext("name") or "").strip())]
    listed = [as_name(text, "a label of the task") for text in texts]
    used = {box.name for image in images for box in image.boxes}
    return list(dict.fromkeys(listed)) if used <= set(listed) else sorted(used | set(listed))


def tasks_of(root: Element) -> list[Task]:
    """Return the tasks that the file says it holds; one without a number if it does not say."""
    found = root.findall("meta/project/tasks/task") or root.findall("meta/task")
    found = found or root.findall("meta/job") or [Element("task")]
    return [_task(element, root) for element in found]


def _task(element: Element, root: Element) -> Task:
    def text(name: str) -> str:
        return (element.findtext(name) or "").strip()

    source = text("source") or (root.findtext("meta/source") or "").strip()
    size, start, stop = text("size"), text("start_frame"), text("stop_frame")
    height, width = (
        element.findtext(f"original_size/{side}") or root.findtext(f"meta/original_size/{side}")
        for side in ("height", "width")
    )
    return Task(
        text("id"),
        text("name"),
        source.replace("\\", "/").rsplit("/", 1)[-1],
        text("subset"),
        int(size[:9]) if size.isdecimal() else None,
        int(start[:9]) if start.isdecimal() else 0,
        int(stop[:9]) if stop.isdecimal() else 0,
        as_size(height, width, "original_size"),
    )


def _numbers(shape: Element, names: Sequence[str], where: str) -> list[float]:
    return [as_number(shape.get(name), f"{where}: {name}") for name in names]


def _points(text: str | None, where: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in (text or "").split(";")]
    if len(pairs) < 3 or any(len(pair) != 2 for pair in pairs):
        raise AnnotationError(
            f"{where}: expected three or more points x,y;..., found {short(text)}"
        )
    return [(as_number(x, f"{where}: points"), as_number(y, f"{where}: points")) for x, y in pairs]
