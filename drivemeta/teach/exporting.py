"""Exports: the verified model, the annotations, the annotated video."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drivemeta.adaptation.adapted import Adapted
from drivemeta.adaptation.report.write import write_report
from drivemeta.errors import InputError
from drivemeta.export.verify import repeat_probe
from drivemeta.files import write_text
from drivemeta.runtime.model_file import read_model_file
from drivemeta.teach.annotation_files import WRITERS, Facts
from drivemeta.teach.state import State
from drivemeta.video.job import Job

WHAT = ("model", "coco", "yolo", "cvat", "video")


@dataclass(frozen=True, eq=False)
class ExportTask:
    """What is to be written where.

    Attributes:
        what: Some of `WHAT`.
        folder: Folder of the exports.
        model: The ONNX file.
        state: What is annotated.
        facts: Function that returns what the annotation file says of a frame.
        pictures: Folder of the annotated frames.
        adapted: What was learnt; None if it is not there.
        videos: Clips to annotate, by name.
    """

    what: Sequence[str]
    folder: Path
    model: Path
    state: State
    facts: Facts
    pictures: Path
    adapted: Adapted | None
    videos: dict[str, Path]


def export(task: ExportTask, tell: Callable[[str], None]) -> list[Path]:
    """Write what is asked for; return the files.

    Args:
        task: What is to be written.
        tell: Function called with what is being done, in words.

    Raises:
        InputError: nothing is annotated, or learnt, of which something could be written.
        ParityError: the model does not find what it promises.
        OutputError: a file cannot be written.
    """
    unknown = [name for name in task.what if name not in WHAT]
    if unknown or not task.what:
        raise InputError(f"expected some of {', '.join(WHAT)} to export, found {unknown or 'none'}")
    return list(_exported(task, tell))


def _exported(task: ExportTask, tell: Callable[[str], None]) -> Iterator[Path]:
    for name in task.what:
        if name in WRITERS:
            if not task.state.boxes:
                raise InputError("expected boxes to export, found none yet: click an object first")
            tell(f"writing the annotations as {name.upper()}")
            shutil.rmtree(task.folder / name, ignore_errors=True)
            yield WRITERS[name](task.folder, task.state, task.facts, task.pictures)
    if "model" in task.what or "video" in task.what:
        yield from _model(task, tell)
    if "video" in task.what:
        for name, path in task.videos.items():
            yield from _video(task, name, path, tell)


def _model(task: ExportTask, tell: Callable[[str], None]) -> Iterator[Path]:
    if task.adapted is None:
        raise InputError("expected a class that was learnt, found none yet: click an object first")
    tell("writing and verifying the model")
    bank = task.adapted.detector.bank.with_thresholds(dict(task.state.thresholds))
    adapted = replace(task.adapted, detector=task.adapted.detector.with_(bank=bank))
    adapted.export(task.model)
    repeat_probe(read_model_file(task.model), provider="cpu")
    report: dict[str, Any] = write_report(adapted, task.model, full=False)
    text = json.dumps({"model": str(task.model), **report}, indent=2)
    write_text(task.model.with_suffix(".report.json"), text + "\n")
    yield task.model
    yield task.model.with_suffix(".report.md")


def _video(task: ExportTask, name: str, path: Path, tell: Callable[[str], None]) -> Iterator[Path]:
    def advance(so_far: Any, total: int | None) -> None:
        if so_far.frames % 10 == 0:
            of = "" if total is None else f" of {total}"
            tell(f"annotating {name}: frame {so_far.frames}{of}")

    out = task.folder / "video" / name
    summary = Job(str(path), out, task.model, sinks=("mp4",), fresh=True).run(advance)
    yield from (Path(file) for file in summary.files)
