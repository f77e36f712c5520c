"""What an archive costs: looking beside `process`, and searching beside a bare product of numpy.

    python -m tools.speed.archive --index VIDEO
    python -m tools.speed.archive --search --rows 20000000
    python -m tools.speed.archive --index VIDEO --search --write docs/benchmarks.md

The rows that are searched are made: boxes of a frame as the shipped base finds them in a street,
and random unit vectors. Searching runs in a process of its own, whose greatest memory is told.
Seconds are those of the processor, all cores together, beside those of the clock: other work of the
machine falls on the clock alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.archive.asking import scorer_of_model
from drivemeta.archive.base_facts import BaseFacts
from drivemeta.archive.engine import Processes
from drivemeta.archive.index import IndexReport, index
from drivemeta.archive.looking import LEAST_SCORE
from drivemeta.archive.places import Video
from drivemeta.archive.rows import BoxRows
from drivemeta.archive.search import Query, search
from drivemeta.archive.segment_file import Footer, LookedFrame, SegmentFacts, to_table
from drivemeta.archive.store import Archive, open_archive, open_or_make
from drivemeta.archive.worker import Done, Task, WorkerSettings
from drivemeta.markdown import table
from drivemeta.runtime.cores import usable_cores
from drivemeta.runtime.model_file import bank_of, read_model_file
from drivemeta.shipped import base_onnx
from drivemeta.video.api import process
from drivemeta.video.options import Options
from tools.page_section import put_section
from tools.provenance import command, machine

BOXES, FRAMES = 60, 120  # of a frame, and of a segment
SEGMENTS = 84  # of a file, as `compact` leaves them: 600,000 rows
HOURS, FPS = 10_000, 2
SOUGHT = "children"  # the class that is searched for
NAMES = ("signs",)  # shipped banks that the model knows


def main() -> None:
    """Measure what is asked for; print it, or put it into a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--index", type=Path, help="a video that is looked at")
    parser.add_argument("--every", type=int, default=15, help="look at every Nth frame")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--scratch", type=Path, help="folder for the made archive")
    parser.add_argument("--search-only", help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help="page to put the section into")
    arguments = parser.parse_args()
    if arguments.search_only:
        print(json.dumps(_searched(open_archive(arguments.search_only))))
        return
    parts = []
    if arguments.index:
        parts.append(_of_index(arguments.index, arguments.every))
    if arguments.search:
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
            parts.append(_of_search(folder, arguments.rows))
    text = "\n\n".join(["## Archive", f"`{command()}`, on {machine()}:", *parts])
    if arguments.write:
        put_section(arguments.write, text + "\n")
    print(text)


def _of_index(video: Path, every: int) -> str:
    """Return a table of frames looked at a second, by `index` and by `process`."""
    base, cores = base_onnx(), usable_cores()
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        facts = BaseFacts.of(read_model_file(base), LEAST_SCORE)
        options = Options(tracker="none", every=every, provider="cpu")
        frames = process(video, base, options)
        next(frames)  # the model is loaded
        started = time.perf_counter()
        n = sum(frame.index % every == 0 for frame, _ in frames)
        rates["process"] = n / (time.perf_counter() - started)
        fps = 30 / every
        open_or_make(folder, facts, fps, base.name)
        settings = WorkerSettings(folder, str(base), "cpu", threads=1)
        heard = Heard()
        report = index([Video(str(video), "file")], Processes(settings, cores), heard)
        rates["index"] = heard.rate(report)
        per_frame = sum(file.n_bytes for file in open_archive(folder).files()) / report.n_frames
        boxes = report.n_boxes / report.n_frames
    core_hours = HOURS * FPS * cores / rates["index"]
    rows = [[name, f"{rate:.2f}", f"{rate / rates['process']:.2f}"] for name, rate in rates.items()]
    return "\n\n".join(
        [
            "\n".join(table(["", "frames a second", "of process"], rows)),
            f"A frame of {video.name} gives {boxes:.0f} boxes, {per_frame / 1e3:.1f} kB. At that, "
            f"{HOURS:,} hours at {FPS} frames a second are {core_hours:,.0f} core-hours and "
            f"{HOURS * 3600 * FPS * per_frame / 1e12:.2f} TB.",
        ]
    )


class Heard:
    """Notes when the first segment began to be looked at and the last ended."""

    def __init__(self) -> None:
        self._begun = 0.0

    def planned(self, video: Video, done: Done) -> None:
        """Take no notice."""

    def advanced(self, task: Task, n_frames: int) -> None:  # noqa: ARG002
        """Note the first frame: the workers have loaded the networks by then."""
        self._begun = self._begun or time.perf_counter()

    def ended(self, task: Task, done: Done) -> None:
        """Take no notice."""

    def rate(self, report: IndexReport) -> float:
        """Return frames a second from the first to now."""
        return (report.n_frames - 1) / (time.perf_counter() - self._begun)


def _of_search(folder: str, n_rows: int) -> str:
    """Return a table of a search over made rows and of a bare product."""
    archive = _made(folder, n_rows)
    n_rows = sum(s.n_boxes for f in archive.files() for s in archive.footer(f).segments)
    size = sum(file.n_bytes for file in archive.files())
    done = subprocess.run(
        [sys.executable, "-m", "tools.speed.archive", "--search-only", folder],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    bare = _bare(n_rows)
    kinds = {"search": (found["seconds"], found["cpu"]), "bare product in memory": bare}
    rows = [
        [name, f"{clock:.1f}", f"{cpu:.1f}", f"{n_rows / cpu / 1e6:.2f}", f"{bare[1] / cpu:.2f}"]
        for name, (clock, cpu) in kinds.items()
    ]
    header = ["", "seconds", "CPU seconds", "million rows a CPU second", "of the bare product"]
    return "\n\n".join(
        [
            "\n".join(table(header, rows)),
            f"{n_rows:,} rows in {size / 1e9:.2f} GB, one class of a model of "
            f"{found['n_crop_rows']:.0f} level-2 rows, {found['n_hits']:,} hits; at most "
            f"{found['memory_gib']:.2f} GiB of memory.",
        ]
    )


def _searched(archive: Archive) -> dict[str, float]:
    """Search an archive in this process; return seconds and memory."""
    file = read_model_file(base_onnx(NAMES))
    scorer, wanted = scorer_of_model(archive.facts, file, [SOUGHT], None)
    started, begun = time.perf_counter(), time.process_time()
    answer = search(archive, Query(scorer, wanted))
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - begun,
        "memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "n_hits": sum(answer.n_hits.values()),
        "n_crop_rows": len(scorer.bank.crop),
    }


def _bare(n_rows: int) -> tuple[float, float]:
    """Return the seconds of the clock and the processor that a product of rows in memory takes."""
    weights = bank_of(read_model_file(base_onnx(NAMES))).crop.weights.T.copy()
    block = _vectors(np.random.default_rng(0), 65_536, weights.shape[0])
    started, begun = time.perf_counter(), time.process_time()
    for begin in range(0, n_rows, len(block)):
        block[: n_rows - begin].astype(np.float32) @ weights
    return time.perf_counter() - started, time.process_time() - begun


def _made(folder: str, n_rows: int) -> Archive:
    """Write an archive of made rows."""
    base = base_onnx()
    facts = BaseFacts.of(read_model_file(base), LEAST_SCORE)
    archive = open_or_make(folder, facts, FPS, base.name)
    per_file = SEGMENTS * FRAMES * BOXES
    for number in range(-(-n_rows // per_file)):
        video = f"/made/{number:04d}.mp4"
        segments = list(_segments(facts, video, np.random.default_rng(number)))
        looked = [frame for _, frames, _ in segments for frame in frames]
        rows = BoxRows.joined([part for _, _, parts in segments for part in parts])
        roots = [root for _, root in facts.finders]
        made = to_table(video, 0, looked, rows, roots)
        numbers = np.repeat(np.arange(SEGMENTS, dtype=np.int32), FRAMES * BOXES)
        place = made.schema.get_field_index("segment")
        made = made.set_column(place, made.schema.field(place), [numbers])
        footer = Footer(archive.base_key, tuple(segment for segment, _, _ in segments))
        archive.write_segments(f"made-{number:04d}", made, footer)
    return archive


def _segments(
    facts: BaseFacts, video: str, rng: np.random.Generator
) -> Iterator[tuple[SegmentFacts, list[LookedFrame], list[BoxRows]]]:
    """Yield the segments of a made video; all hold the same boxes, so that making takes no time."""
    parts = list(islice(_frames(facts, rng), FRAMES))
    parts[0] = _shown(parts[0])
    told = SegmentFacts(video, 0, SEGMENTS, FRAMES * BOXES, FRAMES, 0, 0, 0, 0, 0, 15, "")
    for number in range(SEGMENTS):
        first = number * FRAMES
        looked = [
            LookedFrame(15 * (first + i), None, (first + i) / FPS, (720, 1280))
            for i in range(FRAMES)
        ]
        yield replace(told, number=number), looked, parts


def _shown(rows: BoxRows) -> BoxRows:
    """Return the boxes of a frame whose best is a sign that is searched for."""
    bank = bank_of(read_model_file(base_onnx(NAMES)))
    embeddings, finders = rows.embeddings.copy(), rows.finders.copy()
    own = bank.crop.owners == bank.index(SOUGHT)
    embeddings[0], finders[0] = bank.crop.weights[own][0], bank.index("traffic_sign")
    return replace(rows, embeddings=embeddings, finders=finders)


def _frames(facts: BaseFacts, rng: np.random.Generator) -> Iterator[BoxRows]:
    n_finders = len(facts.finders)
    while True:
        corner = rng.uniform(0, 600, (BOXES, 2)).astype(np.float32)
        drawn = LEAST_SCORE + rng.exponential(0.1, BOXES)  # as on streets
        scores = np.sort(np.minimum(drawn, 0.9))[::-1].astype(np.float32)
        yield BoxRows(
            np.zeros(BOXES, np.int64),
            np.concatenate([corner, corner + 40], 1),
            scores,
            rng.integers(0, n_finders, BOXES),
            scores,
            np.repeat(scores[:, None], n_finders, 1),
            _vectors(rng, BOXES, facts.dim),
            np.ones(BOXES, np.bool_),
            np.full(BOXES, 5, np.float32),
        )


def _vectors(rng: np.random.Generator, n: int, dim: int) -> NDArray[np.float16]:
    vectors = rng.normal(size=(n, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16)


if __name__ == "__main__":
    main()
