"""`drivemeta search`: find in an archive of videos what a class learnt today looks like."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivemeta.cli.common import JsonOption, RayOption, emit_json, panel
from drivemeta.cli.invocation import PluginPathOption, registry_of
from drivemeta.cli.shown import console, new_table, noted, progress, working

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from drivemeta.archive.results import Written
    from drivemeta.archive.scores import Scorer
    from drivemeta.archive.search import Answer, Searching
    from drivemeta.archive.store import Archive

WHAT, WHICH, OUTPUT = panel("What to search for"), panel("Which hits"), panel("Output")
SHOWN = 20  # hits in the table on the terminal
LIKE = "like"  # the class that --like learns


def search(
    ctx: typer.Context,
    archive: Annotated[str, typer.Argument(help="The archive that `drivemeta index` made.")],
    out: Annotated[Path, typer.Option(help="Folder to write the hits into.")],
    model: Annotated[
        Path | None, WHAT(help="A model adapted from the archive's base (.onnx).")
    ] = None,
    classes: Annotated[
        list[str] | None,
        WHAT("--class", help="Class to search for; may be repeated. Else, all adapted ones."),
    ] = None,
    like: Annotated[Path | None, WHAT(help="An image that shows one: learnt on the spot.")] = None,
    box: Annotated[str | None, WHAT(help="With --like: where it is, as x1,y1,x2,y2.")] = None,
    parent: Annotated[
        str | None, WHAT(help="With --like: what it is a kind of; found out by default.")
    ] = None,
    base: Annotated[
        Path | None, WHAT(help="With --like: the archive's base, if not the shipped one.")
    ] = None,
    where: Annotated[
        str | None,
        WHICH(help="Condition in SQL, such as \"video like '%rain%' and time_s < 600\"."),
    ] = None,
    min_score: Annotated[
        float | None, WHICH(min=0, max=1, help="In place of each class's own threshold.")
    ] = None,
    top: Annotated[int, WHICH(min=1, help="Most hits.")] = 500,
    diverse: Annotated[
        int, WHICH(min=0, help="So many hits that differ, for choosing what to annotate.")
    ] = 0,
    near_threshold: Annotated[
        bool, WHICH("--near-threshold", help="Those first that the model is least sure of.")
    ] = False,
    frames: Annotated[
        bool, OUTPUT("--frames", help="Write full frames with COCO pre-labels, too.")
    ] = False,
    clips: Annotated[
        float | None, OUTPUT(min=0.1, help="Cut so many seconds round each hit, too.")
    ] = None,
    force: Annotated[bool, OUTPUT("--force", help="Write into a folder that holds hits.")] = False,
    ray: RayOption = None,
    plugin_path: PluginPathOption = None,  # noqa: ARG001  (its callback does it)
    as_json: JsonOption = False,
) -> None:
    """Find in an archive what a class looks like, without looking at the videos again.

    The hits are those that running the model over the videos at the archive's rate would give. They
    are written as tables (hits.parquet, hits.csv) and a page of pictures (hits.html).
    """
    from drivemeta.archive.extra import needed

    for module in ("pyarrow", "fsspec"):
        needed(module)
    from drivemeta.archive.matching import Where
    from drivemeta.archive.results import Wish, write_results
    from drivemeta.archive.search import Query
    from drivemeta.archive.search import search as find
    from drivemeta.archive.store import open_archive
    from drivemeta.errors import InputError
    from drivemeta.files import run_folder

    if (model is None) == (like is None) or (like is None) != (box is None):
        raise InputError("expected --model MODEL, or --like IMAGE with --box x1,y1,x2,y2")
    if (out / "hits.parquet").exists() and not force:
        raise InputError(f"--out: {out} holds hits already; name another folder, or say --force")
    store = open_archive(archive)
    condition = Where(where) if where else None
    if model is not None:
        scorer, wanted, title = _of_model(store, model, classes or [], min_score)
    else:
        assert like is not None  # checked above
        scorer, wanted = _of_box(store, (like, _box(box or "")), parent, base)
        title = f"like {like.name}"
    query = Query(scorer, wanted, condition, top, diverse, near_threshold)
    with run_folder(out):
        with progress() as bar:
            task = bar.add_task("files searched", total=len(store.files()))
            answer = find(store, query, lambda n: bar.advance(task, n), _searching(ray))
        kinds = {said["video"]: said["kind"] for said in store.videos().values()}
        with working("reading pictures of the hits"):
            wish = Wish(title, frames, clips)
            done = write_results(out, answer.hits, wish, kinds, registry_of(ctx))
    if as_json:
        emit_json(_as_json(archive, answer, done))
    _show(answer, done)
    if answer.problems:
        raise typer.Exit(1)


def _searching(ray: str | None) -> Searching | None:
    if ray is None:
        return None
    from drivemeta.fleet.searching import RaySearch

    return RaySearch(ray)


def _of_model(
    store: Archive, model: Path, classes: list[str], min_score: float | None
) -> tuple[Scorer, NDArray[np.bool_], str]:
    from drivemeta.archive.asking import scorer_of_model
    from drivemeta.runtime.model_file import read_model_file

    file = read_model_file(model)
    scorer, wanted = scorer_of_model(store.facts, file, classes, min_score)
    for note in store.facts.notes_on(file):
        console().print(noted("note     ", note))
    asked = [name for name, asked in zip(scorer.bank.names, wanted, strict=True) if asked]
    return scorer, wanted, f"{', '.join(asked)} by {model.name}"


def _of_box(
    store: Archive, shot: tuple[Path, list[float]], parent: str | None, base: Path | None
) -> tuple[Scorer, NDArray[np.bool_]]:
    """Learn a class from one box."""
    from drivemeta.adaptation.adapt import adapt
    from drivemeta.archive.asking import scorer_of_bank
    from drivemeta.data.support import SupportSet
    from drivemeta.own.loading import load_base

    with tempfile.TemporaryDirectory() as folder, working("learning from the box"):
        support = SupportSet.from_coco(_one_shot(Path(folder), *shot), shot[0].absolute().parent)
        detector = load_base(base)
        bank = adapt(detector, support, "protonet", parent=parent).detector.bank
        return scorer_of_bank(store.facts, bank, detector.scoring, LIKE, detector.bank)


def _one_shot(folder: Path, image: Path, box: list[float]) -> Path:
    """Write the box as a COCO file; return its path."""
    from drivemeta.core.pictures import read_header
    from drivemeta.errors import InputError

    try:
        height, width = read_header(image).size
    except ValueError as error:
        raise InputError(f"--like: expected an image at {image}: {error}") from error
    x1, y1, x2, y2 = box
    said = {
        "images": [{"id": 1, "file_name": image.name, "width": width, "height": height}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        ],
        "categories": [{"id": 1, "name": LIKE}],
    }
    path = folder / "like.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


def _box(text: str) -> list[float]:
    from drivemeta.errors import InputError

    try:
        box = [float(part) for part in text.split(",")]
    except ValueError:
        box = []
    if len(box) != 4 or not (0 <= box[0] < box[2] and 0 <= box[1] < box[3]):
        raise InputError(f"--box: expected x1,y1,x2,y2 in pixels, found {text!r}")
    return box


def _as_json(archive: str, answer: Answer, done: Written) -> dict[str, Any]:
    return {
        "archive": archive,
        "n_rows": answer.n_rows,
        "n_hits": answer.n_hits,
        "n_written": len(answer.hits),
        "n_images": done.n_images,
        "n_clips": done.n_clips,
        "files": done.files,
        "damaged": {problem.path: problem.reason for problem in answer.problems},
        "unread": done.problems,
    }


def _show(answer: Answer, done: Written) -> None:
    shown = console()
    table = new_table("", "class", "score", "video", "frame", "from", "to", "views")
    for rank, hit in enumerate(answer.hits[:SHOWN], 1):
        times = (f"{hit.first_s:.1f} s", f"{hit.last_s:.1f} s", str(hit.n_views))
        name = Path(hit.video).name
        table.add_row(str(rank), hit.name, f"{hit.score:.3f}", name, str(hit.frame), *times)
    shown.print(table)
    counts = ", ".join(f"{n} {name}" for name, n in answer.n_hits.items()) or "none"
    shown.print(f"{answer.n_rows} boxes searched; found: {counts}; {len(answer.hits)} written")
    for path in done.files:
        shown.print(path)
    if done.n_images:
        shown.print(f"{done.n_images} frames beside coco.json: `drivemeta adapt` takes the folder")
    for video, problem in done.problems.items():
        shown.print(noted("note     ", f"{video}: {problem}"))
    for damaged in answer.problems:
        shown.print(noted("damaged  ", f"{damaged.path}: {damaged.reason}", "red"))
