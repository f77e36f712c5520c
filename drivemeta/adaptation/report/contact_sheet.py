"""A picture of the support crops, to see at a glance what a class is learnt from."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from drivemeta.core.boxes import FloatArray
from drivemeta.core.lettering import shortened, width_of, write
from drivemeta.data.readers.files import read_image
from drivemeta.data.support import SupportSet
from drivemeta.files import write_bytes

_TILE, _GAP, _MARGIN, _COLUMNS, _MOST = 128, 12, 28, 7, 28
_HEADER, _CLASS, _CAPTION = 64, 46, 22
_PAPER, _INK, _FAINT, _RULE = "#ffffff", "#1b1f24", "#6b7480", "#d9dee4"
_ACCENTS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#be185d")
_CONTEXT = 1.3


def write_contact_sheet(
    support: SupportSet, path: str | Path, notes: Mapping[str, str] | None = None
) -> Path:
    """Write a PNG of the crops of each class, with a little context around each box.

    Args:
        support: Support set.
        path: File to write, replaced if it exists.
        notes: A few words on a class, by its name, shown beside it.

    Returns:
        The path written.

    Raises:
        OutputError: the file cannot be written.
    """
    data = io.BytesIO()
    draw_contact_sheet(support, notes or {}).save(data, "PNG")
    return write_bytes(path, data.getvalue())


def draw_contact_sheet(support: SupportSet, notes: Mapping[str, str]) -> Image.Image:
    """Return the contact sheet as an RGB picture."""
    tiles = _collect(support)
    columns = min(_COLUMNS, max(4, *(len(rows) for rows in tiles.values())))
    width = 2 * _MARGIN + columns * (_TILE + _GAP) - _GAP
    height = _HEADER + sum(_block_height(len(rows), columns) for rows in tiles.values()) + _MARGIN
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    n_boxes = sum(support.n_boxes.values())
    title = f"Support set: {_count(len(tiles), 'class', 'classes')}, {_count(n_boxes, 'shot')}"
    write(pen, (_MARGIN, 22), title, _INK, 22)
    top = _HEADER
    for label, (name, rows) in enumerate(tiles.items()):
        accent = _ACCENTS[label % len(_ACCENTS)]
        details = _details(len(rows), notes.get(name, ""))
        _draw_heading(pen, (_MARGIN, top, width - _MARGIN), name, details, accent)
        for i, (crop, caption) in enumerate(rows[:_MOST]):
            x = _MARGIN + i % columns * (_TILE + _GAP)
            y = top + _CLASS + i // columns * (_TILE + _CAPTION + _GAP)
            sheet.paste(crop, (x, y))
            pen.rectangle((x - 1, y - 1, x + _TILE, y + _TILE), outline=_RULE)
            write(pen, (x, y + _TILE + 4), shortened(caption, 11, _TILE), _FAINT, 11)
        top += _block_height(len(rows), columns)
    return sheet


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _block_height(n_crops: int, columns: int) -> int:
    n_rows = -(-min(n_crops, _MOST) // columns)
    return _CLASS + n_rows * (_TILE + _CAPTION + _GAP) + _GAP


def _draw_heading(
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int, int],
    name: str,
    details: str,
    accent: str,
) -> None:
    """Draw a rule, the name of a class and what is to say of it at x, y, up to the right edge."""
    x, y, right = place
    pen.line((x, y, right, y), _RULE)
    pen.rectangle((x, y + 14, x + 5, y + 34), accent)
    name = shortened(name, 18, (right - x) / 2)
    write(pen, (x + 14, y + 13), name, _INK, 18)
    write(pen, (x + 28 + width_of(name, 18), y + 18), details, _FAINT, 13)


def _details(n_shots: int, note: str) -> str:
    shown = f", {_MOST} shown" if n_shots > _MOST else ""
    return _count(n_shots, "shot") + shown + (f"  ·  {note}" if note else "")


def _collect(support: SupportSet) -> dict[str, list[tuple[Image.Image, str]]]:
    """Return the crops of each class with their captions."""
    tiles: dict[str, list[tuple[Image.Image, str]]] = {name: [] for name in support.classes}
    for image in support.images:
        rows = np.flatnonzero(~image.ignore)
        if not len(rows):
            continue
        picture = Image.fromarray(read_image(image.path)[..., ::-1])
        for row in rows:
            box = image.boxes[row]
            size = "x".join(f"{side:.0f}" for side in box[2:] - box[:2])
            caption = f"{image.path.stem}  {size}"
            tiles[support.classes[image.labels[row]]].append((_crop(picture, box), caption))
    return tiles


def _crop(picture: Image.Image, box: FloatArray) -> Image.Image:
    """Cut a square around a box, with the picture's edge repeated beyond it as grey."""
    centre, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max()) * _CONTEXT
    corners = np.concatenate([centre - side / 2, centre + side / 2])
    return picture.transform(
        (_TILE, _TILE),
        Image.Transform.EXTENT,
        tuple(corners.tolist()),
        Image.Resampling.BICUBIC,
        fillcolor=(235, 238, 241),
    )
