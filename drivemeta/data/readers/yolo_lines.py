"""What the lines of a YOLO set hold, told for the whole set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drivemeta.data.readers.reading import Reading
from drivemeta.data.readers.shapes import Box, box_round
from drivemeta.data.readers.yolo_names import YoloNames
from drivemeta.errors import AnnotationError

_GREATEST_RELATIVE = 1.5
_TOLERANCE = 0.05
_POSE_OF_3 = 3
_EXPECTED = "expected 'class x_centre y_centre width height', relative to the image"


@dataclass(frozen=True)
class Line:
    """One line: the words after the class, as written and as numbers.

    Attributes:
        entry: Where it stands, for the box.
        where: Where it stands, with the whole path, for messages.
        label: Id of the class.
        words: As written.
        numbers: The same.
    """

    entry: str
    where: str
    label: int
    words: tuple[str, ...]
    numbers: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.words)


class Layout(Protocol):
    """A way to read lines."""

    @property
    def name(self) -> str:
        """What the lines hold."""

    def fits(self, line: Line) -> bool:
        """Tell whether a line can be read so."""

    def box(self, line: Line) -> Box:
        """Return left, top, right, bottom, relative to the image."""


@dataclass(frozen=True)
class Boxes:
    """`x y w h`, then a confidence, the number of a track, or both."""

    name: str = "boxes"

    def fits(self, line: Line) -> bool:
        """Tell whether a line is a box and no more than two more numbers."""
        return _is_box(line) and _is_extra(line, 4)

    def box(self, line: Line) -> Box:
        """Return the box of the first four numbers."""
        x, y, width, height = line.numbers[:4]
        return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


@dataclass(frozen=True)
class Polygons(Boxes):
    """`x1 y1 x2 y2 x3 y3 ...`, four corners of an oriented box too; boxes may be among them.

    After the points follow `n_extra` numbers: a confidence, then the number of a track.
    """

    name: str = "polygons"
    n_extra: int = 0

    def fits(self, line: Line) -> bool:
        """Tell whether a line is three or more points of the image."""
        if len(line) <= 5:
            return super().fits(line)
        n_numbers = len(line) - self.n_extra
        inside = all(-_TOLERANCE <= x <= 1 + _TOLERANCE for x in line.numbers[:n_numbers])
        return n_numbers >= 6 and n_numbers % 2 == 0 and inside and _is_extra(line, n_numbers)

    def box(self, line: Line) -> Box:
        """Return the box round the points."""
        if len(line) <= 5:
            return super().box(line)
        numbers = line.numbers[: len(line) - self.n_extra]
        return box_round(list(zip(numbers[::2], numbers[1::2], strict=True)))


@dataclass(frozen=True)
class PoseLines(Boxes):
    """`x y w h`, then the key points, of two numbers each, or three with their visibility."""

    key_points: tuple[int, int] | None = None
    name: str = "pose"

    def fits(self, line: Line) -> bool:
        """Tell whether a line is a box with as many key points as there are to be."""
        if len(line) == 4:
            return _is_box(line)
        if self.key_points is None:  # not told: three numbers a point, the third 0, 1 or 2
            seen = line.words[6::_POSE_OF_3]
            told = bool(seen) and set(seen) <= {"0", "1", "2"}
            return told and (len(line) - 4) % _POSE_OF_3 == 0 and _is_box(line)
        n_points, n_numbers = self.key_points
        end = 4 + n_points * n_numbers
        return n_points > 0 and _is_box(line) and len(line) >= end and _is_extra(line, end)


def parse_line(text: str, path: Path, number: int) -> Line:
    """Return a line's class and numbers.

    Raises:
        AnnotationError: It is too short, or they are no numbers; names the file and the line.
    """
    words = text.split()
    where = f"{path}: line {number}"
    try:
        # To Python alone, 1_0 is 10.
        numbers = [math.nan if "_" in word else float(word) for word in words]
    except ValueError:
        numbers = [math.nan]
    if len(words) < 5 or not all(map(math.isfinite, numbers)) or numbers[0] != int(numbers[0]):
        raise AnnotationError(f"{where}: {_EXPECTED}, found {text.strip()[:80]!r}")
    return Line(
        f"{path.name} line {number}",
        where,
        int(numbers[0]),
        tuple(words[1:]),
        tuple(numbers[1:]),
    )


def choose_layout(root: Path, lines: Sequence[Line], names: YoloNames, reading: Reading) -> Layout:
    """Return the one way in which all lines of a set can be read.

    Raises:
        AnnotationError: There is none, or there are several that give other boxes.
    """
    pose = PoseLines(key_points=names.key_points)
    ways: list[Layout] = [
        Boxes(),
        Polygons(),
        Polygons(n_extra=1),
        Polygons("tracked", 2),
        pose,
    ]
    asked = [way for way in ways if reading.yolo in (None, way.name)]
    fitting = [way for way in asked if all(way.fits(line) for line in lines)]
    if not fitting:
        raise _fault(root, lines, asked)
    if names.key_points and pose in fitting:
        return pose
    seen = {tuple(tuple(way.box(line)) for line in lines): way for way in reversed(fitting)}
    if len(seen) > 1:
        found = " or ".join(sorted(way.name for way in seen.values()))
        raise AnnotationError(
            f"{root}: the lines can be read as {found}, which gives other boxes (line "
            f"{' '.join((str(lines[0].label), *lines[0].words))[:80]!r}); say which: "
            + " or ".join(f"--read yolo={way.name}" for way in seen.values())
        )
    return fitting[0]


def _is_box(line: Line) -> bool:
    x, y, width, height = line.numbers[:4]
    return width > 0 and height > 0 and max(map(abs, (x, y, width, height))) <= _GREATEST_RELATIVE


def _is_extra(line: Line, start: int) -> bool:
    """Tell whether what follows is nothing, a confidence, a track's number, or both."""
    words, numbers = line.words[start:], line.numbers[start:]
    is_share = [0 <= number <= 1 for number in numbers]
    if len(words) == 2:
        return is_share[0] and words[1].isdigit()
    return not words or (len(words) == 1 and (is_share[0] or words[0].isdigit()))


def _fault(root: Path, lines: Sequence[Line], asked: Sequence[Layout]) -> AnnotationError:
    """Return the error for lines that cannot be read in one way."""
    bad = next((line for line in lines if not any(way.fits(line) for way in asked)), None)
    if bad is None:
        return AnnotationError(
            f"{root}: some lines can be read as one thing and some as another, but all not as one "
            f"of {', '.join(way.name for way in asked)}; a set holds one kind"
        )
    found = f"found {' '.join((str(bad.label), *bad.words))[:80]!r}"
    if len(bad) == 4 and max(map(abs, bad.numbers)) > _GREATEST_RELATIVE:
        return AnnotationError(
            f"{bad.where}: expected coordinates relative to the image, from 0 to 1, {found}; "
            "divide pixels by the width and the height"
        )
    more = (
        ""
        if len(bad) == 4
        else (
            "; more numbers may be a confidence and a track's number, corners of a polygon or of "
            "an oriented box from 0 to 1, or key points, told by 'kpt_shape' in the yaml"
        )
    )
    return AnnotationError(f"{bad.where}: {_EXPECTED}, {found}{more}")
