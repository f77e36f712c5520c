"""What all commands share: JSON on the output, and the options that many have."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from drivemeta.data.dataset import Dataset

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output.")
]
ProviderOption = Annotated[
    str, typer.Option(help="auto, tensorrt, cuda, coreml, directml, openvino or cpu.")
]
ModelOption = Annotated[Path | None, typer.Option(help="ONNX model; without it, the shipped base.")]
ReadOption = Annotated[
    list[str] | None,
    typer.Option(
        "--read",
        help="How to read what can be read in two ways, NAME=VALUE (docs/adapting.md); "
        "may be repeated.",
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Take the place of a model that is there.")
]
RayOption = Annotated[
    str | None,
    typer.Option(
        help="A Ray cluster: auto, HOST:PORT, ray://HOST:PORT, or local.",
        rich_help_panel="Performance",
    ),
]
GpusOption = Annotated[
    float,
    typer.Option(
        min=0, help="With --ray: GPUs of a worker, such as 0.25.", rich_help_panel="Performance"
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option(help="Name shipped kinds beside the model's, comma-separated: signs, vehicles."),
]


class Precision(StrEnum):
    """Of the networks' bodies."""

    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"


def panel(title: str) -> Callable[..., Any]:
    """Return `typer.Option` for the options that `--help` shows under one title."""
    return partial(typer.Option, rich_help_panel=title)


def with_names(model: Path | None, names: str | None) -> Path | None:
    """Return the model to run, None for the shipped base as it is; tell what is not named.

    Raises:
        InputError: no such bank ships, or a name is taken.
        ModelFileError: the model's rows are not of the shipped base.
    """
    named = [name.strip() for name in (names or "").split(",") if name.strip()]
    if not named:
        return model
    from drivemeta.cli.shown import console, noted
    from drivemeta.shipped import base_onnx, name_beside

    if model is None:
        return base_onnx(named)
    path, notes = name_beside(model, named)
    for note in notes:
        console().print(noted("note      ", note))
    return path


def emit_json(value: Any) -> None:
    """Print one JSON object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def check_writable(path: Path, suffix: str, *, replace: bool = True, option: str = "--out") -> None:
    """Refuse an output file that cannot be written, before any work is done.

    Raises:
        InputError: the suffix is another, or the file is there and is not to be replaced.
        OutputError: the folder is no folder or may not be written.
    """
    from drivemeta.errors import InputError, OutputError
    from drivemeta.files import check_folder

    if path.suffix != suffix:
        raise InputError(f"{option}: expected a file name that ends in {suffix}, found {path}")
    check_folder(path.parent)
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder")
    if path.exists() and not replace:
        raise InputError(f"{option}: {path} is there already; name another file, or say --force")


def image_files(folder: Path) -> list[Path]:
    """Return the images of a folder, sorted.

    Raises:
        InputError: there are none.
    """
    from drivemeta.errors import InputError
    from drivemeta.files import IMAGE_SUFFIXES, list_images

    files = list_images(folder)
    if not files:
        expected = ", ".join(IMAGE_SUFFIXES)
        raise InputError(f"expected images ({expected}), found none in {folder}")
    return files


def parse_size(text: str | None, option: str) -> tuple[int, int] | None:
    """Read `576x1024` as height and width.

    Raises:
        InputError: it is not two positive integers.

    >>> parse_size("576x1024", "--input-size")
    (576, 1024)
    """
    from drivemeta.errors import InputError

    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise InputError(f"{option}: expected HEIGHTxWIDTH, for instance 576x1024, found {text!r}")
    return int(parts[0]), int(parts[1])


def choose(dataset: Dataset, split: str | None, limit: int | None) -> Dataset:
    """Return the images of the split and the limit."""
    from drivemeta.errors import InputError, suggest

    if split is not None:
        known = {str(image.attributes.get("split")) for image in dataset.images}
        if split not in known:
            raise InputError(f"{dataset.source}: no split {split!r}; {suggest(split, known)}")
        dataset = dataset.split(split)
    if not len(dataset):
        raise InputError(f"{dataset.source}: expected images, found none")
    return dataset.select(range(min(limit or len(dataset), len(dataset))))
