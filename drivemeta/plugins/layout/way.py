"""One way to read a detector's file: how frames are prepared, and what its scores stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Triple = tuple[float, float, float]
Statistics = tuple[Triple, Triple]  # mean and deviation of values in 0..255

GREY = 114.0
IMAGENET: Statistics = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))  # of RGB
IMAGENET_BGR: Statistics = ((103.53, 116.28, 123.675), (57.375, 57.12, 58.395))
UNIT: Statistics = ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
BYTES: Statistics = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
Channels = Literal["rgb", "bgr"]
Fit = Literal["stretch", "top-left", "centred"]
FITS: tuple[Fit, ...] = get_args(Fit)
Order = Literal["wh", "hw"]
Slots = Literal["plain", "first", "last", "coco"]


@dataclass(frozen=True)
class Preparation:
    """How a frame becomes the network's image: resized bilinearly, padded, then normalised.

    Attributes:
        size: Height and width of the network's image.
        fit: `stretch` without regard to the aspect; `top-left` or `centred` keep it and pad.
        channels: Order of the channels that the network takes.
        mean: Subtracted from the values 0..255, in that order.
        deviation: What they are divided by then.
        pad: Value in 0..255 of the padding, before normalisation.
        sizes: Input that takes the network's size as int64, (N, 2); empty for none.
        sizes_order: Order of the two.
    """

    size: tuple[int, int]
    fit: Fit = "stretch"
    channels: Channels = "rgb"
    mean: Triple = UNIT[0]
    deviation: Triple = UNIT[1]
    pad: float = GREY
    sizes: str = ""
    sizes_order: Order = "wh"


@dataclass(frozen=True)
class Way:
    """One way to read a file.

    Attributes:
        why: By what the file was recognised, in a few words.
        frame: How frames are prepared.
        n_slots: Number of scores of a box; 0 where the file does not say.
        slots: Which scores are classes: all (`plain`), all but the `first` or the `last`, which are
            background, or the one of each of 80 names at its number of COCO, 1 to 90 (`coco`).
        choices: What the file does not state and this way takes for given, by name.
    """

    why: str
    frame: Preparation
    n_slots: int
    slots: Slots = "plain"
    choices: Mapping[str, str] = field(default_factory=dict)
