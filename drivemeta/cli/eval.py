"""`drivemeta eval`: COCO AP of a model on annotated images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from drivemeta.cli.common import (
    JsonOption,
    ModelOption,
    NameOption,
    ProviderOption,
    ReadOption,
    choose,
    emit_json,
    with_names,
)
from drivemeta.cli.shown import console, new_table, progress

Data = Annotated[Path, typer.Option("--data", help="Annotations: COCO, YOLO, VOC, LabelMe, CVAT.")]
Images = Annotated[Path | None, typer.Option("--images", help="Folder of the images.")]
Map = Annotated[Path | None, typer.Option("--map", help="YAML: data category: model class.")]
Split = Annotated[str | None, typer.Option("--split", help="Only images of this split.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first images.")]
AtThresholds = Annotated[
    bool, typer.Option("--at-thresholds", help="Also precision and recall at the thresholds.")
]
Fps = Annotated[float, typer.Option("--fps", min=0.1, help="Frame rate of false alarms a minute.")]


def eval(  # noqa: A001  (the name of the command)
    data: Data,
    images: Images = None,
    read: ReadOption = None,
    model: ModelOption = None,
    name: NameOption = None,
    class_map: Map = None,
    split: Split = None,
    limit: Limit = None,
    provider: ProviderOption = "auto",
    at_thresholds: AtThresholds = False,
    fps: Fps = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Measure average precision: all, base and novel classes; thresholds are set aside."""
    from drivemeta.data.readers import read_annotations
    from drivemeta.data.readers.reading import parse_reading
    from drivemeta.evaluation.classes import ClassTree, left_out, match_classes, read_class_map
    from drivemeta.evaluation.run import evaluate_model
    from drivemeta.shipped import load_model

    mapping = read_class_map(class_map) if class_map else {}
    dataset = choose(read_annotations(data, images, parse_reading(read or [])), split, limit)
    detector = load_model(with_names(model, name), provider=provider)
    tree = ClassTree.of(detector.manifest.classes)
    mapping = match_classes(dataset, tree, mapping)
    left = left_out(dataset, mapping)
    if left:
        named = ", ".join(f"{name} ({n} boxes)" for name, n in left.items())
        console().print(f"[yellow]left out, as no class of the model: {escape(named)}[/]")
    truth = dataset.map_classes(mapping, [name for name in tree.names if name in mapping.values()])
    with progress() as bar:
        task = bar.add_task("evaluating", total=(1 + at_thresholds) * len(truth))
        report = evaluate_model(
            detector, truth, tree, fps if at_thresholds else None, lambda: bar.advance(task)
        )
    report["left_out"] = left
    console().print(_table(report))
    if as_json:
        emit_json(report)


def _table(report: dict[str, Any]) -> Any:

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.1f}"

    points = report.get("operating_points", {})
    more = ("precision", "recall", "false alarms/min") if points else ()
    columns = ("class", "origin", "boxes", "AP50", "AP", *more)
    title = f"{report['images']} images, {report['seconds']:.1f} s, {report['provider']}"
    table = new_table(*columns, n_left=2, title=title)
    for name, row in report["classes"].items():
        cells = [name, row["origin"], str(row["n_boxes"]), percent(row["ap50"]), percent(row["ap"])]
        if points:
            point = points[name]
            cells += [percent(point["precision"]), percent(point["recall"])]
            cells.append(f"{point['false_alarms_per_minute']:.1f}")
        table.add_row(*cells)
    table.add_section()
    for group, value in report["ap50"].items():
        if value is not None:
            table.add_row(f"mean, {group}", "", "", percent(value), "")
    return table
