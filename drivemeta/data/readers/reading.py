"""How to read what can be read in two ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from drivemeta.errors import InputError, suggest

CHOICES = {
    "format": ("coco", "cvat", "labelme", "voc", "yolo", "crops"),
    "exif": ("upright", "stored"),
    "yolo": ("boxes", "polygons", "tracked", "pose"),
    "groups": ("one", "apart"),
    "whole": ("crops", "scenes"),
    "values": ("stretched", "stored"),
}


@dataclass(frozen=True)
class Reading:
    """Answers to what a file may leave open; None leaves it open.

    Attributes:
        format: Which annotations of a folder to take that holds several kinds.
        exif: What boxes of a picture that EXIF turns refer to: the `upright` picture, as most
            viewers show it, or the pixels as `stored`.
        yolo: What the lines of YOLO files hold: `boxes` (with a confidence or a track's number,
            or none), `polygons` (oriented boxes too), polygons `tracked`, with a confidence and
            the number of a track at their end, or a `pose`.
        groups: Whether LabelMe's rectangles of one label and group are `one` object or lie `apart`.
        whole: What pictures are that are one box each: `crops`, or `scenes` that an object fills.
        values: Whether pictures are `stretched` to the whole range of values, each by itself, or
            taken as `stored`.
        task: Number or name of the task to take from CVAT's project.
    """

    format: str | None = None
    exif: str | None = None
    yolo: str | None = None
    groups: str | None = None
    whole: str | None = None
    values: str | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise InputError(f"--read {name}: expected {' or '.join(choices)}, found {value!r}")


AS_IT_IS = Reading()


def parse_reading(settings: Iterable[str]) -> Reading:
    """Return what `NAME=VALUE` settings say.

    Raises:
        InputError: A name or a value is unknown.

    >>> parse_reading(["exif=stored"]).exif
    'stored'
    """
    known = [field.name for field in fields(Reading)]
    values: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if name not in known or not equals:
            raise InputError(
                f"--read: expected NAME=VALUE, found {setting!r}; {suggest(name, known)}"
            )
        values[name] = value
    return Reading(**values)
