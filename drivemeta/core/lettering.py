"""Text of any script on a picture: by the first letters at hand that show all of it.

DejaVu Sans, which comes with matplotlib, has European and Near Eastern letters, OpenCV 5 brings
Chinese, Japanese and Korean ones, and the system may have others. What none of them shows stands as
its code, such as U+0E2B, and never as an empty box.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

_NO_LETTER = "\U0010ffff"  # what a font has no letter for: it draws its empty box
_TO_THE_LEFT = ("R", "AL")  # as Unicode calls letters that are written so


def write(
    pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: str, size: int
) -> None:
    """Write a line of text with its top left corner at x, y; the size is in pixels."""
    text, font = _lettered(text, size)
    if font is not None:
        pen.text(place, text, colour, font)
    elif text:
        pen.bitmap((int(place[0]), int(place[1])), Image.fromarray(_by_opencv(text, size)), colour)


def width_of(text: str, size: int) -> float:
    """Return how many pixels wide a line of text is."""
    text, font = _lettered(text, size)
    if font is None:
        return float(_by_opencv(text, size).shape[1]) if text else 0.0
    return float(font.getlength(text))


def shortened(text: str, size: int, width: float) -> str:
    """Return text cut at its beginning until it fits a width in pixels."""
    if width_of(text, size) <= width:
        return text
    while len(text) > 1 and width_of("…" + text, size) > width:
        text = text[1:]
    return "…" + text


@lru_cache(maxsize=1024)
def _lettered(text: str, size: int) -> tuple[str, ImageFont.FreeTypeFont | None]:
    """Return text that can be shown, and the font that shows it; None for OpenCV's letters."""
    dejavu = _dejavu()
    if all(_shows(dejavu, letter) for letter in text):
        return text, _font(dejavu, size)
    if all(map(_opencv_shows, text)):
        return text, None
    for path in _system_fonts():
        if all(_shows(path, letter) for letter in text):
            return text, _font(path, size)
    return _with_codes(text, dejavu), _font(dejavu, size)


def _with_codes(text: str, path: str) -> str:
    """Return text with codes in the place of letters that a font lacks."""
    parts = (letter if _shows(path, letter) else f"\0U+{ord(letter):04X}\0" for letter in text)
    return re.sub(r" *\0+ *", " ", "".join(parts)).strip()


@lru_cache(maxsize=32)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font of a size; one object for all texts, since each holds some memory."""
    return ImageFont.truetype(path, size)


@cache
def _plain(path: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, 20, layout_engine=ImageFont.Layout.BASIC)


@cache
def _shows(path: str, letter: str) -> bool:
    """Tell whether a font has a letter; one written to the left needs Pillow's full layout."""
    if unicodedata.category(letter) in ("Cs", "Cn", "Co"):
        return False
    if unicodedata.bidirectional(letter) in _TO_THE_LEFT and not features.check("raqm"):
        return False
    found, none = (bytes(_plain(path).getmask(each)) for each in (letter, _NO_LETTER))
    return letter.isspace() or found != none


@cache
def _dejavu() -> str:
    inside = Path("fonts", "ttf", "DejaVuSans.ttf")
    found = find_spec("matplotlib")
    usual = Path((found and found.origin) or "").parent / "mpl-data" / inside
    if usual.is_file():
        return str(usual)
    import matplotlib  # noqa: PLC0415  (slow, and for its letters alone)

    return str(Path(matplotlib.get_data_path()) / inside)


@cache
def _system_fonts() -> tuple[str, ...]:
    from matplotlib.font_manager import findSystemFonts  # noqa: PLC0415  (it lists all fonts)

    return tuple(sorted(path for path in findSystemFonts() if _is_whole(path)))


def _is_whole(path: str) -> bool:
    try:
        return bool(ImageFont.truetype(path, 20).getmask("a"))
    except OSError:
        return False  # of a kind that Pillow cannot read


@cache
def _opencv_shows(letter: str) -> bool:
    """Tell whether OpenCV brings a letter; it writes to the right alone."""
    import cv2

    if not hasattr(cv2, "FontFace") or unicodedata.bidirectional(letter) in _TO_THE_LEFT:
        return False
    if unicodedata.category(letter) == "Cs":
        return False
    return letter == "?" or not np.array_equal(_by_opencv(letter, 20), _by_opencv("?", 20))


@lru_cache(maxsize=1024)
def _by_opencv(text: str, size: int) -> NDArray[np.uint8]:
    """Return text in OpenCV's letters as a (height, width) uint8 mask."""
    import cv2

    face = cv2.FontFace("sans")
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), face, size)
    mask = np.zeros((round(1.4 * size), max(width + 2, 1)), np.uint8)
    cv2.putText(mask, text, (0, size), 255, face, size, 400)
    return mask
