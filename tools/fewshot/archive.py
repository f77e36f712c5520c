"""A search over an archive of the Italian scenes beside the adapted model run over them: AP50.

    python -m tools.fewshot.archive [--data ../shared/data/scenes/italy] [--images 306]

The dev-novel classes are learnt from five boxes each of half B; the other images of half B are
indexed as a folder of images. Both are scored from the score that the archive keeps boxes from.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from drivemeta.adaptation.adapt import adapt
from drivemeta.archive.base_facts import BaseFacts
from drivemeta.archive.looking import LEAST_SCORE
from drivemeta.archive.places import Video
from drivemeta.archive.scores import Scorer, detections_of
from drivemeta.archive.segment_file import rows_of
from drivemeta.archive.store import Archive, open_or_make
from drivemeta.archive.worker import Worker, WorkerSettings
from drivemeta.core import Detections
from drivemeta.data.dataset import Dataset
from drivemeta.data.readers import read_coco
from drivemeta.data.support import SupportSet, draw_boxes
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import DetectionScores, score_detections
from drivemeta.evaluation.inference import detect_all
from drivemeta.files import list_images
from drivemeta.markdown import table
from drivemeta.models.store import load_base
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.model_file import bank_of, read_model_file
from drivemeta.shipped import base_onnx
from tools.provenance import command, machine

SHOTS = 5


def main() -> None:
    """Learn, index, search, run; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/scenes/italy"))
    parser.add_argument("--images", type=int, default=306, help="most images of half B")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    novel = _half_b(arguments.data)
    support = SupportSet.of(draw_boxes(novel, SHOTS, arguments.seed))
    shown = {image.path.name for image in support.images}
    rest = [i for i, image in enumerate(novel.images) if image.path.name not in shown]
    queries = novel.select(rest[: arguments.images])
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        adapt(load_base(), support, "protonet").export(model)
        file = read_model_file(model)
        archive = _indexed(Path(folder), queries)
        archive.facts.check(file)
        by_archive = _searched(archive, Scorer.of(file, LEAST_SCORE), queries)
        by_model = detect_all(OnnxDetector(model, provider="cpu"), queries, LEAST_SCORE)
        tree = ClassTree.of(bank_of(file).classes)
    scores = [score_detections(queries, found, tree) for found in (by_archive, by_model)]
    print(f"`{command()}`, on {machine()}; {len(queries)} images, {SHOTS} boxes a class:\n")
    print("\n".join(table(["class", "boxes", "search", "model"], _rows(*scores))))


def _half_b(data: Path) -> Dataset:
    names = json.loads((data / "splits.json").read_text())["dev_novel"]
    files = json.loads(Path(__file__).with_name("italy_halves.json").read_text())["B"]
    novel = read_coco(data / "annotations.json").split("novel")
    novel = novel.map_classes({name: name for name in names})
    return novel.select(lambda image: image.path.name in files)


def _indexed(folder: Path, queries: Dataset) -> Archive:
    """Index images as a folder."""
    images = folder / "images"
    images.mkdir()
    for image in queries.images:
        (images / image.path.name).symlink_to(image.path.absolute())
    base = base_onnx()
    facts = BaseFacts.of(read_model_file(base), LEAST_SCORE)
    archive = open_or_make(folder / "archive", facts, 2.0, base.name)
    worker = Worker(WorkerSettings(archive.place, str(base), "cpu"))
    for segment in worker.run(Video(str(images), "images")).segments:
        done = worker.run(segment)
        if done.problem:
            raise RuntimeError(done.problem)
    return archive


def _searched(archive: Archive, scorer: Scorer, queries: Dataset) -> list[Detections]:
    """Return what is found in each image, in the order of the data set."""
    found = {image.path.name: Detections.empty(scorer.bank.names) for image in queries.images}
    folder = Path(next(iter(archive.videos().values()))["video"])
    names = sorted((path.name for path in list_images(folder)), key=lambda name: int(name[:-5]))
    for file in archive.files():
        _, rows = archive.table(file)
        frames = list(dict.fromkeys(rows["frame"].to_pylist()))
        boxes = rows_of(rows)
        for frame, each in zip(
            frames, detections_of(boxes, scorer(boxes), scorer.bank, len(frames)), strict=True
        ):
            found[names[frame]] = each
    return [found[image.path.name] for image in queries.images]


def _rows(search: DetectionScores, model: DetectionScores) -> list[list[str]]:
    def shown(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.2f}"

    rows = [
        [one.name, str(one.n_boxes), shown(one.ap50), shown(other.ap50)]
        for one, other in zip(search.classes, model.classes, strict=True)
    ]
    n_boxes = int(np.sum([one.n_boxes for one in search.classes]))
    return [*rows, ["all", str(n_boxes), shown(search.ap50()), shown(model.ap50())]]


if __name__ == "__main__":
    main()
