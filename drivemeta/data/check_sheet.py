"""A sheet of the pictures of a support set with their boxes, to see at a glance what was read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from drivemeta.core.lettering import shortened, write
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.readers.files import read_image
from drivemeta.files import write_bytes

_TILE, _GAP, _MARGIN, _COLUMNS, _MOST = (480, 320), 16, 28, 3, 48
_HEADER, _LEGEND, _CAPTION = 56, 26, 24
_PAPER, _INK, _FAINT, _RULE, _ASIDE = "#ffffff", "#1b1f24", "#6b7480", "#d9dee4", "#8a94a0"
_ACCENTS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#be185d")


def write_check_sheet(dataset: Dataset, path: str | Path) -> Path:
    """Write a PNG of the pictures with their boxes; ignored boxes are grey.

    Args:
        dataset: Read and checked.
        path: File to write, replaced if it exists.

    Returns:
        The path written.

    Raises:
        OutputError: The file cannot be written.
    """
    return write_bytes(path, check_sheet_png(dataset))


def check_sheet_png(dataset: Dataset) -> bytes:
    """Return the sheet as the bytes of a PNG."""
    data = io.BytesIO()
    draw_check_sheet(dataset).save(data, "PNG")
    return data.getvalue()


def draw_check_sheet(dataset: Dataset) -> Image.Image:
    """Return the sheet as an RGB picture; pictures with boxes come first."""
    shown = sorted(dataset.images, key=lambda image: not len(image))[:_MOST]
    columns = min(_COLUMNS, max(1, len(shown)))
    legend = _legend(dataset, columns)
    top = _HEADER + _LEGEND * len(legend) + _GAP
    width = 2 * _MARGIN + columns * (_TILE[0] + _GAP) - _GAP
    n_rows = -(-len(shown) // columns)
    height = top + n_rows * (_TILE[1] + _CAPTION + _GAP) + _MARGIN
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    n_boxes = sum(dataset.n_boxes().values())
    title = f"{dataset.format}: {n_boxes} boxes in {len(dataset)} pictures"
    more = f", {len(shown)} shown" if len(shown) < len(dataset) else ""
    write(pen, (_MARGIN, 20), title + more, _INK, 22)
    for row, labels in enumerate(legend):
        _draw_legend(pen, dataset, labels, _HEADER + row * _LEGEND, columns)
    for i, image in enumerate(shown):
        x = _MARGIN + i % columns * (_TILE[0] + _GAP)
        y = top + i // columns * (_TILE[1] + _CAPTION + _GAP)
        _draw_tile(sheet, image, (x, y))
    return sheet


def _legend(dataset: Dataset, columns: int) -> list[list[int]]:
    """Return labels by the rows of the legend."""
    a_row = columns * 2
    labels = list(range(len(dataset.classes)))
    return [labels[i : i + a_row] for i in range(0, len(labels), a_row)]


def _draw_legend(
    pen: ImageDraw.ImageDraw, dataset: Dataset, labels: Sequence[int], y: int, columns: int
) -> None:
    counts = list(dataset.n_boxes().values())
    step = (columns * (_TILE[0] + _GAP)) // (columns * 2)
    for i, label in enumerate(labels):
        x = _MARGIN + i * step
        pen.rectangle((x, y + 4, x + 14, y + 18), _accent(label))
        words = shortened(f"{dataset.classes[label]}  {counts[label]}", 14, step - 30)
        write(pen, (x + 22, y + 3), words, _INK, 14)


def _draw_tile(sheet: Image.Image, image: AnnotatedImage, corner: tuple[int, int]) -> None:
    """Draw one picture, as large as its tile allows, with its boxes and its name."""
    pen = ImageDraw.Draw(sheet)
    height, width = image.size
    scale = min(_TILE[0] / width, _TILE[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(read_image(image.path)[..., ::-1]).resize(size)
    x = corner[0] + (_TILE[0] - size[0]) // 2
    y = corner[1] + (_TILE[1] - size[1]) // 2
    pen.rectangle((*corner, corner[0] + _TILE[0], corner[1] + _TILE[1]), "#eef1f4", _RULE)
    sheet.paste(picture, (x, y))
    for row in np.argsort(~image.ignore, kind="stable"):
        left, top, right, bottom = (float(v) * scale for v in image.boxes[row])
        colour = _ASIDE if image.ignore[row] else _accent(int(image.labels[row]))
        edge = (x + left, y + top, x + max(right, left), y + max(bottom, top))
        for width_px, outline in ((4, _PAPER), (3, colour), (2, colour)):
            out = (edge[0] - width_px, edge[1] - width_px, edge[2] + width_px, edge[3] + width_px)
            pen.rectangle(out, outline=outline, width=1)
    n = int((~image.ignore).sum())
    aside = f", {len(image) - n} set aside" if n < len(image) else ""
    words = f"{image.path.name}  ·  {width}x{height}  ·  {n} box{'es' * (n != 1)}{aside}"
    place = (corner[0], corner[1] + _TILE[1] + 5)
    write(pen, place, shortened(words, 13, _TILE[0]), _FAINT, 13)


def _accent(label: int) -> str:
    return _ACCENTS[label % len(_ACCENTS)]
