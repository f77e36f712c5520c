"""A detector that embeds things by the network that ships for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.things import THING_CONTEXT, load_things
from drivemeta.paths import THING_WEIGHTS

SCALE = 30.0  # of the logits of things


def with_things(detector: TwoLevelDetector, path: Path = THING_WEIGHTS) -> TwoLevelDetector:
    """Return a detector that embeds things by a network of their own, in evaluation mode.

    Args:
        detector: Detector.
        path: Weights, see `load_things`.

    Raises:
        ModelFileError: the file is missing, damaged, or does not fit.
    """
    scoring = replace(detector.scoring, thing_scale=SCALE, thing_context=THING_CONTEXT)
    return detector.with_(things=load_things(path), scoring=scoring).eval()
