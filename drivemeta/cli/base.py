"""`drivemeta base`: a detector of the user's own as the base, and what a base finds by."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivemeta.cli.common import (
    ForceOption,
    JsonOption,
    ProviderOption,
    ReadOption,
    check_writable,
    choose,
    emit_json,
    panel,
)
from drivemeta.cli.invocation import registry_of
from drivemeta.cli.shown import console, new_table, noted, progress, working

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from drivemeta.data.dataset import Dataset
    from drivemeta.evaluation.versus import ClassDuel
    from drivemeta.plugins.layout.way import Fit
    from drivemeta.runtime.manifest import Manifest

app = typer.Typer(help="Make a detector of your own the base, or show what a base finds by.")

CLASSES, READING = panel("Its classes"), panel("How it is read")
OURS = "DriveMeta's level 1"


@app.command("import")
def import_(
    ctx: typer.Context,
    detector: Annotated[Path, typer.Argument(help="Your detector (.onnx).")],
    out: Annotated[Path, typer.Option(help="The base to write (.onnx).")],
    names: Annotated[
        str | None, CLASSES(help="Names of its classes: coco, or a file; else its own metadata.")
    ] = None,
    class_map: Annotated[
        Path | None, CLASSES("--map", help="YAML: its class: super-class. For COCO not needed.")
    ] = None,
    keep: Annotated[
        str | None, CLASSES(help="Classes that become super-classes, comma-separated.")
    ] = None,
    own_only: Annotated[bool, CLASSES("--own-only", help="Leave DriveMeta's level 1 out.")] = False,
    licence: Annotated[str, CLASSES(help="Licence of its weights, for the manifest.")] = "",
    layout: Annotated[
        str | None, READING(help="Name of a layout plugin; recognised by default.")
    ] = None,
    choices: Annotated[
        list[str] | None,
        READING("--choose", help="What the file does not state, NAME=VALUE; may be repeated."),
    ] = None,
    fit: Annotated[
        str | None,
        READING(help="How frames enter it: stretch, top-left or centred; else as its layout says."),
    ] = None,
    images: Annotated[
        Path | None, READING(help="Images to try it on: of the streets it will see.")
    ] = None,
    data: Annotated[
        Path | None, READING(help="Annotations to try it on, with the images of --images.")
    ] = None,
    read: ReadOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a detector of your own the base; every command takes what is written.

    The file is recognised by its layout, and all ways to read it are tried on images: the one that
    finds most is taken, and the command fails where that cannot be told.
    """
    from drivemeta.evaluation.classes import read_class_map
    from drivemeta.own.importing import ImportOptions, import_base

    check_writable(out, ".onnx", replace=force)
    options = ImportOptions(
        names=names,
        class_map=read_class_map(class_map) if class_map else None,
        keep=tuple(name.strip() for name in (keep or "").split(",") if name.strip()),
        layout=layout,
        choose=parse_choices(choices or []),
        fit=None if fit is None else _fit(fit),
        images=images if data is None else None,
        data=None if data is None else _annotated(data, images, read),
        alone=own_only,
        licence=licence,
    )
    if images is None and data is None:
        words = (
            "tried on drawn scenes only: give pictures of streets by --images, or annotated ones "
            "by --data"
        )
        console().print(noted("note ", words))
    with working(f"recognising and joining {detector}"):
        report = import_base(detector, out, options, registry=registry_of(ctx))
    if as_json:
        emit_json(_facts(report.export.manifest) | {"model": str(out)})
        return
    _show(report.export.manifest)
    if report.probe:
        console().print(noted("note ", f"{out} holds {report.probe} to be verified by"))
    console().print(
        f"its graph beside the bare session: boxes differ by at most {report.box_px:.1g} px, "
        f"scores by {report.score:.1g}\n"
        f"wrote {out} ({report.export.n_bytes / 1e6:.1f} MB, verified) in {report.seconds:.1f} s"
    )


def _fit(word: str) -> Fit:
    from drivemeta.errors import InputError, suggest
    from drivemeta.plugins.layout.way import FITS

    if word not in FITS:
        raise InputError(f"--fit: no such value {word!r}; {suggest(word, FITS)}")
    return word


@app.command()
def show(
    model: Annotated[Path, typer.Argument(help="A base, or a model adapted from one (.onnx).")],
    as_json: JsonOption = False,
) -> None:
    """Show who finds which super-class, at which input size, under which licence."""
    from drivemeta.runtime.model_file import read_model_file

    manifest = read_model_file(model).manifest
    if as_json:
        emit_json(_facts(manifest))
    else:
        _show(manifest)


@app.command()
def compare(
    model: Annotated[Path, typer.Argument(help="A base or another model (.onnx).")],
    data: Annotated[Path, typer.Option(help="Annotations that both are scored on.")],
    other: Annotated[
        Path | None, typer.Argument(help="The model beside it; the shipped base by default.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of the images.")] = None,
    read: ReadOption = None,
    class_map: Annotated[
        Path | None, typer.Option("--map", help="YAML: data category: model class.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only images of this split.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first images.")] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Picture to write of what only one misses (.png).")
    ] = None,
    provider: ProviderOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Put two models side by side on one data set: AP50, paired intervals, who misses what."""
    from drivemeta.errors import InputError
    from drivemeta.evaluation.classes import ClassTree, match_classes, read_class_map
    from drivemeta.evaluation.inference import detect_all
    from drivemeta.evaluation.misses_sheet import write_misses
    from drivemeta.evaluation.versus import Side
    from drivemeta.evaluation.versus import compare as compare_sides
    from drivemeta.shipped import load_model

    if sheet is not None:
        check_writable(sheet, ".png")
    dataset = choose(_annotated(data, images, read), split, limit)
    detectors = [load_model(path, provider=provider) for path in (model, other)]
    trees = [ClassTree.of(detector.manifest.classes) for detector in detectors]
    given = read_class_map(class_map) if class_map else {}
    mapping, theirs = (match_classes(dataset, tree, given) for tree in trees)
    mapping = {name: target for name, target in mapping.items() if theirs.get(name) == target}
    if not mapping:
        raise InputError(f"{data}: none of its categories is one class of both models; see --map")
    truth = dataset.map_classes(mapping, list(dict.fromkeys(mapping.values())))
    sides = []
    with progress() as bar:
        task = bar.add_task("comparing", total=2 * len(truth))
        for detector, tree in zip(detectors, trees, strict=True):
            found = detect_all(detector, truth, on_image=lambda: bar.advance(task))
            sides.append(Side(found, tree, _thresholds(detector.manifest)))
    duels, misses = compare_sides(truth, sides[0], sides[1])
    names = (model.name, other.name if other else "the shipped base")
    if sheet is not None:
        write_misses(misses, names, sheet)
    if as_json:
        emit_json({"images": len(truth), "models": names, "classes": [asdict(d) for d in duels]})
        return
    _show_duels(duels, names, len(truth))


def _thresholds(manifest: Manifest) -> NDArray[np.float32]:
    import numpy as np

    return np.array([entry.threshold for entry in manifest.classes], np.float32)


def _show_duels(duels: Sequence[ClassDuel], names: tuple[str, str], n_images: int) -> None:
    columns = ("class", "boxes", *names, "difference", "only missed by each")
    title = f"AP50 on {n_images} images: {names[0]} beside {names[1]}"
    table = new_table(*columns, title=title)
    for duel in duels:
        difference, low, high = (100 * value for value in duel.difference)
        table.add_row(
            duel.name,
            str(duel.n_boxes),
            *(f"{100 * value:.1f}" for value in duel.ap50),
            f"{difference:+.1f} ({low:+.1f} to {high:+.1f})",
            f"{duel.only_missed[0]}, {duel.only_missed[1]}",
        )
    console().print(table)


def parse_choices(texts: list[str]) -> dict[str, str]:
    """Read `NAME=VALUE` pairs.

    Raises:
        InputError: one is no pair.

    >>> parse_choices(["boxes=raw"])
    {'boxes': 'raw'}
    """
    from drivemeta.errors import InputError

    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise InputError(f"--choose: expected NAME=VALUE such as boxes=raw, found {text!r}")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _annotated(data: Path, images: Path | None, read: list[str] | None) -> Dataset:
    from drivemeta.data.readers import read_annotations
    from drivemeta.data.readers.reading import parse_reading

    return read_annotations(data, images, parse_reading(read or []))


def _facts(manifest: Manifest) -> dict[str, Any]:
    """Return who finds what, and all that is known of the detector of the user's own."""
    own = manifest.own
    return {
        "finds": [dict(zip(COLUMNS, row, strict=True)) for row in _rows(manifest)],
        "own": None if own is None else asdict(own),
        "licence": manifest.licence,
    }


COLUMNS = ("super_class", "found_by", "of_its_classes", "input_size", "licence")


def _rows(manifest: Manifest) -> list[tuple[str, str, str, str, str]]:
    own, size = manifest.own, manifest.input
    rows = []
    for entry in manifest.classes:
        if entry.parent is None and own is not None and entry.name in own.finds:
            height, width = own.size
            classes, licence = ", ".join(own.finds[entry.name]), own.licence or "not stated"
            rows.append((entry.name, own.source, classes, f"{height}x{width}", licence))
        elif entry.parent is None:
            rows.append((entry.name, OURS, "", f"{size.height}x{size.width}", "Apache-2.0"))
    return rows


def _show(manifest: Manifest) -> None:
    table = new_table("super-class", "found by", "of its classes", "input", "licence")
    for row in _rows(manifest):
        table.add_row(*row)
    shown, own = console(), manifest.own
    shown.print(table)
    if own is None:
        return
    pace = "; frame by frame inside a batch" if own.one_by_one else ""
    shown.print(f"layout {own.layout}: {own.why}; frames {own.fit}{pace}")
    title = f"ways to read it, tried on {own.tried_on}"
    columns = ("layout", "taken for given", "figure", "best score", "boxes an image")
    tried = new_table(*columns, title=title)
    for way in own.tried:
        choices = ", ".join(f"{key}={value}" for key, value in way.choices.items()) or "nothing"
        figures = (f"{way.figure:.3f}", f"{way.best:.3f}", f"{way.n_boxes:.1f}")
        tried.add_row(way.layout, choices, *figures)
    shown.print(tried)
