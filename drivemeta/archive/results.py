"""What a search writes: tables, a page, clips, and frames with pre-labels to learn from."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from drivemeta.archive.clips import cut_clip
from drivemeta.archive.hits import Hit
from drivemeta.archive.page import page_of
from drivemeta.archive.pictures import Place, crop_of, frames_of_hits
from drivemeta.archive.places import Kind, said
from drivemeta.archive.store import key_of
from drivemeta.core import Detections
from drivemeta.data.pre_labels import PreLabelled, coco_pre_labels
from drivemeta.files import atomic_path, write_bytes, write_text
from drivemeta.plugins.registry import Registry

COCO, IMAGES, CLIPS = "coco.json", "images", "clips"
_WORDS, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()
COLUMNS = {
    "rank": _WHOLE,
    "class": _WORDS,
    "score": _REAL,
    "threshold": _REAL,
    "video": _WORDS,
    "frame": _WHOLE,
    "pts": _WHOLE,
    "time_s": _REAL,
    "first_s": _REAL,
    "last_s": _REAL,
    "n_views": _WHOLE,
    "x1": _REAL,
    "y1": _REAL,
    "x2": _REAL,
    "y2": _REAL,
    "width": _WHOLE,
    "height": _WHOLE,
    "superclass": _WORDS,
    "found": _REAL,
    "quality": _REAL,
    "sharpness": _REAL,
}


@dataclass(frozen=True)
class Wish:
    """What is to be written beside the tables and the page.

    Attributes:
        title: Title of the page.
        frames: Whether the full frames are written, with pre-labels.
        clip_s: Length of a clip round each hit in seconds; None for no clips.
    """

    title: str
    frames: bool = False
    clip_s: float | None = None


@dataclass
class Written:
    """What was written.

    Attributes:
        files: Paths of the files, clips and frames left out.
        n_clips: Number of clips.
        n_images: Number of frames.
        problems: What could not be read again, by video.
    """

    files: list[str] = field(default_factory=list)
    n_clips: int = 0
    n_images: int = 0
    problems: dict[str, str] = field(default_factory=dict)


def write_results(
    out: Path, hits: Sequence[Hit], wish: Wish, kinds: dict[str, Kind], registry: Registry
) -> Written:
    """Write all that a search gives.

    Args:
        out: Folder, which is there.
        hits: Hits, in the order that they are ranked in.
        wish: What is wanted beside tables and page.
        kinds: How each video is read, by its place.
        registry: Plugins that streams are read by.

    Raises:
        OutputError: it cannot be written.
    """
    import cv2

    done, crops = Written(), dict[int, NDArray[np.uint8]]()
    names: dict[Place, str] = {}
    for place, image in frames_of_hits(hits, kinds, registry, done.problems):
        for i, hit in enumerate(hits):
            if (hit.video, hit.frame) == place:
                crops[i] = crop_of(image, hit.box).copy()
        if wish.frames:
            names[place] = f"{key_of(place[0])}-{place[1]:08d}.png"
            png = cv2.imencode(".png", image)[1].tobytes()
            write_bytes(out / IMAGES / names[place], png)
    coco = _pre_labels(hits, names) if wish.frames else None
    if coco is not None:
        done.n_images = len(names)
        done.files.append(str(write_text(out / COCO, json.dumps(coco, ensure_ascii=False) + "\n")))
    if wish.clip_s is not None:
        _cut(out / CLIPS, hits, wish.clip_s, done)
    rows = [_row(rank, hit) for rank, hit in enumerate(hits, 1)]
    done.files += [
        _parquet(out / "hits.parquet", rows),
        str(write_text(out / "hits.csv", _csv(rows))),
        str(write_text(out / "hits.html", page_of(wish.title, hits, crops, coco))),
    ]
    return done


def _cut(folder: Path, hits: Sequence[Hit], seconds: float, done: Written) -> None:
    for rank, hit in enumerate(hits, 1):
        try:
            cut_clip(hit, folder, f"{rank:04d}", seconds)
            done.n_clips += 1
        except Exception as error:  # noqa: BLE001  (of a codec or an object store; it is told)
            done.problems.setdefault(hit.video, said(error))


def _pre_labels(hits: Sequence[Hit], names: Mapping[Place, str]) -> dict[str, Any]:
    """Return the boxes of hits in their frames as COCO, each with the number of its hit."""
    classes = tuple(sorted({hit.name for hit in hits}))
    images, numbers = [], []
    for index, (place, name) in enumerate(names.items()):
        own = [i for i, hit in enumerate(hits) if (hit.video, hit.frame) == place]
        found = Detections(
            np.array([hits[i].box for i in own], np.float32).reshape(-1, 4),
            np.array([hits[i].score for i in own], np.float32),
            np.array([classes.index(hits[i].name) for i in own], np.int64),
            classes,
        )
        images.append(PreLabelled(name, index, hits[own[0]].size, found))
        numbers += own
    coco = coco_pre_labels(images, classes)
    for annotation, number in zip(coco["annotations"], numbers, strict=True):
        annotation["hit"] = number
    return coco


def _row(rank: int, hit: Hit) -> dict[str, Any]:
    x1, y1, x2, y2 = hit.box
    return {
        "rank": rank,
        "class": hit.name,
        "score": hit.score,
        "threshold": hit.threshold,
        "video": hit.video,
        "frame": hit.frame,
        "pts": hit.pts,
        "time_s": hit.time_s,
        "first_s": hit.first_s,
        "last_s": hit.last_s,
        "n_views": hit.n_views,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "width": hit.size[1],
        "height": hit.size[0],
        "superclass": hit.superclass,
        "found": hit.found,
        "quality": hit.quality,
        "sharpness": hit.sharpness,
    }


def _parquet(path: Path, rows: Sequence[dict[str, Any]]) -> str:
    with atomic_path(path) as partial:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(COLUMNS)), partial)
    return str(path)


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        shown = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()}
        writer.writerow(shown)
    return text.getvalue()
