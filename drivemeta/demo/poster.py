"""The demo in one picture: the support crops above the frame that shows what was learnt."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from drivemeta.data.support import SupportSet
from drivemeta.files import write_bytes

_PAPER, _INK, _FAINT = "#15191e", "#f2f4f6", "#9aa4b0"
_TILE, _GAP = 88, 12
_CONTEXT = 1.5


def write_poster(path: Path, support: SupportSet, frame: NDArray[np.uint8], words: str) -> Path:
    """Write the picture as PNG.

    Args:
        path: File to write.
        support: Support set whose crops are shown.
        frame: (h, w, 3) uint8 BGR, annotated.
        words: Line beside the crops.

    Raises:
        OutputError: the file cannot be written.
    """
    height, width = frame.shape[:2]
    strip = _TILE + 2 * _GAP
    poster = Image.new("RGB", (width, height + strip), _PAPER)
    poster.paste(Image.fromarray(np.ascontiguousarray(frame[..., ::-1])), (0, strip))
    x = _GAP
    for crop in _crops(support):
        poster.paste(crop, (x, _GAP))
        x += _TILE + _GAP
    pen = ImageDraw.Draw(poster)
    title, _, rest = words.partition("\n")
    pen.text((x + _GAP, _GAP + 14), title, _INK, ImageFont.load_default(22))
    pen.text((x + _GAP, _GAP + 48), rest, _FAINT, ImageFont.load_default(15))
    data = io.BytesIO()
    poster.save(data, "PNG")
    return write_bytes(path, data.getvalue())


def _crops(support: SupportSet) -> list[Image.Image]:
    """Return a square crop round each support box."""
    crops = []
    for image in support.images:
        with Image.open(image.path) as opened:
            picture = opened.convert("RGB")
        for box in image.boxes[~image.ignore]:
            centre, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max()) * _CONTEXT
            corners = (*(centre - side / 2).tolist(), *(centre + side / 2).tolist())
            crops.append(
                picture.transform(
                    (_TILE, _TILE), Image.Transform.EXTENT, corners, Image.Resampling.BICUBIC
                )
            )
    return crops
