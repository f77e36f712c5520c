"""Values as annotation files write them: numbers as text, flags as words, blanks round names."""

from __future__ import annotations

import math
import re
import unicodedata
from numbers import Real

from drivemeta.errors import AnnotationError

_INTEGER = re.compile(r"[+-]?\d{1,18}(\.0*)?")
_YES = frozenset({"1", "true", "yes", "y", "t"})
_NO = frozenset({"", "0", "false", "no", "n", "f", "none", "null"})
_GREATEST = 1e7  # pixels; far more than any picture has, and far less than what overflows
_MOST_BITS = 200  # of an id; a UUID has 128
_UNFIT = ("Cc", "Cs", "Zl", "Zp")  # control characters, lone surrogates, separators of lines


def as_id(value: object, where: str) -> int | str:
    """Return an id, by which `1`, `1.0`, `"1"` and `" 1 "` are the same.

    Raises:
        AnnotationError: It is neither a number nor text.

    >>> [as_id(value, "image") for value in (1, 1.0, " 1 ", "1.0", "a7")]
    [1, 1, 1, 1, 'a7']
    """
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _MOST_BITS:
        return value
    if isinstance(value, str) and (text := value.strip()):
        return int(float(text)) if "." in text and _INTEGER.fullmatch(text) else _whole(text)
    raise AnnotationError(f"{where}: expected an id, a number or text, found {short(value)}")


def _whole(text: str) -> int | str:
    return int(text) if _INTEGER.fullmatch(text) else text


def as_flag(value: object, where: str) -> bool:
    """Return a flag given as a boolean, a number or a word; an absent one is false.

    Raises:
        AnnotationError: It is none of them.

    >>> [as_flag(value, "iscrowd") for value in (None, 0, "0", "False", 1.0, " yes ")]
    [False, False, False, False, True, True]
    """
    if value is None:
        return False
    if isinstance(value, Real) and value in (0, 1):
        return bool(value)
    text = value.strip().lower() if isinstance(value, str) else None
    if text in _YES or text in _NO:
        return text in _YES
    raise AnnotationError(f"{where}: expected 0 or 1, true or false, found {short(value)}")


def as_number(value: object, where: str) -> float:
    """Return a finite number of pixels or degrees, given as such or as text.

    Raises:
        AnnotationError: It is none, or greater than any picture.

    >>> as_number(" 12.5", "xmin")
    12.5
    """
    number = math.nan
    is_odd = isinstance(value, bool) or (isinstance(value, str) and "_" in value)  # 1_0 is no 10
    if isinstance(value, int | float | str) and not is_odd:
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
    if not abs(number) <= _GREATEST:
        raise AnnotationError(f"{where}: expected a finite number, found {short(value)}")
    return number


def as_size(height: object, width: object, where: str) -> tuple[int, int] | None:
    """Return height and width in pixels; None where the file does not tell (absent, or 0).

    Raises:
        AnnotationError: They are no whole numbers of pixels.
    """
    if any(value is None or value == "" for value in (height, width)):
        return None
    sides = [as_number(value, f"{where}: size") for value in (height, width)]
    if min(sides) <= 0:
        return None
    if any(side != int(side) for side in sides):
        raise AnnotationError(
            f"{where}: expected a height and a width in whole pixels, found "
            f"{short(height)} and {short(width)}"
        )
    return int(sides[0]), int(sides[1])


def as_name(value: object, where: str) -> str:
    """Return a class name without the blanks round it, in Unicode's composed form (NFC).

    Raises:
        AnnotationError: It is no text, empty, or holds control characters; says where.

    >>> as_name(" stop ", "category 1")
    'stop'
    """
    if not isinstance(value, str) or not value.strip():
        raise AnnotationError(f"{where}: expected the name of a class, found {short(value)}")
    name = unicodedata.normalize("NFC", value.strip())
    if any(unicodedata.category(character) in _UNFIT for character in name):
        raise AnnotationError(
            f"{where}: the class name {short(name)} holds control characters; rename the class"
        )
    return name


def short(value: object) -> str:
    """Return a value as messages show it: on one line, cut short."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return "a number of many digits"
    if isinstance(value, list | dict | tuple):
        return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"
    shown = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
