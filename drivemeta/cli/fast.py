"""`--precision` and `--fast` of `drivemeta process`: the form of the model, and what it costs."""

from __future__ import annotations

from pathlib import Path

from drivemeta.cli.common import Precision

SIZE = (384, 640)
TRACKER = "bytetrack"
# Of the base on BDD: docs/base.md has both sizes, docs/benchmarks.md int8.
COSTS = (
    "AP50 of vehicles and pedestrians is some 5 and 3 points less than at 576x1024, of lights and "
    "signs 3 and 8; thresholds of own classes hold for the size they were learnt at; and where the "
    "camera shakes, take --tracker botsort"
)


def model_in_form(model: Path | None, precision: Precision | None, *, fast: bool) -> Path | None:
    """Return the model in the form wanted, made on first use, and say what was chosen.

    Args:
        model: Model, None for the shipped base.
        precision: Precision wanted; the model's own if None.
        fast: Whether it is to be quick, whatever it finds less.

    Raises:
        InputError: `fast` is int8, another precision was asked for; or it cannot be had so.
    """
    from drivemeta.cli.shown import console, noted, working
    from drivemeta.errors import InputError
    from drivemeta.shipped import in_form

    wanted = precision or (Precision.int8 if fast else None)
    if wanted is None:
        return model
    size = f"{SIZE[0]}x{SIZE[1]}"
    if fast and wanted != Precision.int8:
        raise InputError(
            f"--fast is int8 at {size}, found --precision {wanted.value} beside it; give one"
        )
    with working(f"making the model in {wanted.value}, once"):
        found = in_form(model, wanted.value, SIZE if fast else None)
    if fast:
        words = f"--fast is int8 at {size}, and {TRACKER} unless --tracker says other: {COSTS}"
        console().print(noted("note ", words))
    return found
