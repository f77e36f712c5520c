"""Colours of classes: the same in every command, and never those of a vehicle for what is new.

Each super-class of the base has its colour. A light whose name says that it is red, yellow or green
is drawn so. What was learnt beside these takes the further colours in the order of the model's
classes, so that it keeps its own while a model grows.
"""

from __future__ import annotations

from functools import lru_cache

Rgb = tuple[int, int, int]

# Distinct on asphalt, on the sky and at night.
SUPER_CLASS_COLOURS: dict[str, Rgb] = {
    "vehicle": (47, 155, 255),
    "pedestrian": (255, 122, 198),
    "cyclist": (255, 159, 28),
    "traffic_light": (236, 236, 236),
    "traffic_sign": (199, 125, 255),
}
LIGHT_COLOURS: dict[str, Rgb] = {
    "red": (255, 70, 70),
    "yellow": (255, 214, 40),
    "amber": (255, 214, 40),
    "green": (60, 224, 110),
}
LEARNT_COLOURS: tuple[Rgb, ...] = (
    (0, 224, 208),
    (200, 240, 0),
    (224, 160, 96),
    (255, 64, 255),
    (255, 184, 184),
    (160, 255, 216),
    (240, 240, 160),
)
_LIGHTS = {"light", "lights", "signal", "lamp", "arrow"}


@lru_cache(maxsize=64)
def colours_of(classes: tuple[str, ...]) -> tuple[Rgb, ...]:
    """Return the (red, green, blue) colour of each class, each part in 0..255.

    >>> colours_of(("vehicle", "falling_rocks", "green_light"))[2] == LIGHT_COLOURS["green"]
    True
    """
    colours, n_learnt = [], 0
    for name in classes:
        colour = SUPER_CLASS_COLOURS.get(name) or _of_light(name)
        if colour is None:
            colour = LEARNT_COLOURS[n_learnt % len(LEARNT_COLOURS)]
            n_learnt += 1
        colours.append(colour)
    return tuple(colours)


def _of_light(name: str) -> Rgb | None:
    """Return the colour of a light whose name tells one alone."""
    words = set(name.lower().replace("-", "_").replace(" ", "_").split("_"))
    told = {LIGHT_COLOURS[word] for word in words & LIGHT_COLOURS.keys()}
    return told.pop() if len(told) == 1 and words & _LIGHTS else None
