"""What all commands share: where text goes, JSON, and the options that many have."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output.")
]
ProviderOption = Annotated[
    str, typer.Option(help="auto, tensorrt, cuda, coreml, directml, openvino or cpu.")
]
ModelOption = Annotated[Path | None, typer.Option(help="ONNX model; without it, the shipped base.")]
NameOption = Annotated[
    str | None,
    typer.Option(help="Let the shipped base name kinds too, comma-separated: signs, vehicles."),
]


def named_base(model: Path | None, names: str | None) -> Path | None:
    """Return the model to run, None for the shipped base as it is.

    Raises:
        InputError: kinds are to be named by a model of the user's own, or no such bank ships.
    """
    if names is None:
        return model
    from drivemeta.errors import InputError
    from drivemeta.export import base_onnx

    if model is not None:
        raise InputError(f"--name is for the shipped base, found --model {model} beside it")
    return base_onnx([name.strip() for name in names.split(",") if name.strip()])


def console() -> Console:
    """Return the console for people: standard error, so that JSON has the output to itself."""
    from rich.console import Console

    return Console(stderr=True)


def emit_json(value: Any) -> None:
    """Print one JSON object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def progress() -> Progress:
    """Return a progress bar on standard error; silent where that is no terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    shown = console()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=shown,
        disable=not shown.is_terminal,
    )
