"""`drivemeta bank`: the classes of a model file listed, merged, removed and renamed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivemeta.cli.common import ForceOption, JsonOption, emit_json
from drivemeta.cli.shown import console, new_table, noted

if TYPE_CHECKING:
    from drivemeta.export.verify import VerifyReport

app = typer.Typer(help="List, merge, remove and rename the classes of model files.")

Model = Annotated[Path, typer.Argument(help="An ONNX model exported by DriveMeta.")]
Out = Annotated[Path, typer.Option(help="The ONNX model to write.")]


@app.command("list")
def list_classes(model: Model, as_json: JsonOption = False) -> None:
    """List a model's classes: parent, origin, threshold, shots, rows."""
    from drivemeta.runtime.model_file import bank_of, read_model_file

    file = read_model_file(model)
    bank = bank_of(file)
    rows = [
        asdict(spec)
        | {
            "dense_rows": int((bank.dense.owners == label).sum()),
            "crop_rows": int((bank.crop.owners == label).sum()),
        }
        for label, spec in enumerate(bank.classes)
    ]
    distractors = int((bank.crop.owners < 0).sum())
    if as_json:
        rule = file.manifest.bank.model_dump()
        emit_json({"classes": rows, "distractor_rows": distractors, "bank": rule})
        return

    columns = ("name", "parent", "origin", "threshold", "shots", "dense_rows", "crop_rows")
    table = new_table(*columns)
    for row in rows:
        shown = row | {"threshold": f"{row['threshold']:.2f}", "parent": row["parent"] or ""}
        table.add_row(*(str(shown[column]) for column in columns))
    console().print(table)
    console().print(f"{distractors} crop rows stand for something else")


@app.command()
def add(
    model: Annotated[Path, typer.Argument(help="A model adapted from the shipped base.")],
    banks: Annotated[list[str], typer.Argument(help="Shipped banks: signs, lights, vehicles.")],
    out: Out,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a model that names the classes of shipped banks beside its own."""
    from drivemeta.cli.common import check_writable
    from drivemeta.export.verify import verify_model
    from drivemeta.shipped import name_beside

    check_writable(out, ".onnx", replace=force)
    path, notes = name_beside(model, banks, out)
    for note in notes:
        console().print(noted("note ", note))
    _report(verify_model(path, "cpu"), as_json)


@app.command()
def merge(
    models: Annotated[list[Path], typer.Argument(help="Two or more models of one base.")],
    out: Out,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write one model with the classes of several that were adapted from one base."""
    from drivemeta.cli.common import check_writable
    from drivemeta.export.edit_classes import merge_models

    check_writable(out, ".onnx", replace=force)
    _report(merge_models(models, out), as_json)


@app.command()
def remove(
    model: Model,
    classes: Annotated[list[str], typer.Argument(help="Names of the classes that go.")],
    out: Out,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a model without some of its classes."""
    from drivemeta.banks.edit import remove_classes
    from drivemeta.cli.common import check_writable
    from drivemeta.export.edit_classes import edit_model

    check_writable(out, ".onnx", replace=force)
    _report(edit_model(model, out, lambda bank: remove_classes(bank, classes)), as_json)


@app.command()
def rename(
    model: Model,
    names: Annotated[list[str], typer.Argument(help="OLD=NEW, as often as wanted.")],
    out: Out,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a model with other names for some of its classes."""
    from drivemeta.banks.edit import rename_classes
    from drivemeta.cli.common import check_writable
    from drivemeta.export.edit_classes import edit_model

    check_writable(out, ".onnx", replace=force)
    pairs = parse_names(names)
    _report(edit_model(model, out, lambda bank: rename_classes(bank, pairs)), as_json)


def parse_names(texts: list[str]) -> dict[str, str]:
    """Read `OLD=NEW` pairs.

    Raises:
        InputError: one is no pair, or a name is given twice.

    >>> parse_names(["rocks=falling_rocks"])
    {'rocks': 'falling_rocks'}
    """
    from drivemeta.errors import InputError

    pairs: dict[str, str] = {}
    for text in texts:
        old, equals, new = text.partition("=")
        if not equals or not old or not new or old in pairs:
            raise InputError(
                f"expected OLD=NEW with each OLD once, for instance rocks=falling_rocks, found "
                f"{text!r}"
            )
        pairs[old] = new
    return pairs


def _report(report: VerifyReport, as_json: bool) -> None:
    if as_json:
        emit_json(asdict(report))
        return
    console().print(
        f"wrote {report.path}: {len(report.classes)} classes ({', '.join(report.classes)}), "
        f"verified by its probe's {report.n_rows} rows",
    )
