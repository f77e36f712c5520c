"""What a second worker of a Ray cluster brings to `drivemeta index`, on one machine.

    python -m tools.speed.fleet drive.mp4 --write docs/benchmarks.md

The video is looked at under several names, by one worker and by two in turns, each of one CPU. The
seconds are those of the whole: the workers start and load the networks within them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from drivemeta.archive.base_facts import BaseFacts
from drivemeta.archive.index import index
from drivemeta.archive.looking import LEAST_SCORE
from drivemeta.archive.places import Video
from drivemeta.archive.store import open_or_make
from drivemeta.archive.worker import WorkerSettings
from drivemeta.fleet.cluster import LOCAL, joined
from drivemeta.fleet.workers import RayWorkers, Share
from drivemeta.markdown import table
from drivemeta.runtime.model_file import read_model_file
from drivemeta.shipped import base_onnx
from tools.page_section import put_section
from tools.provenance import command, machine
from tools.speed.archive import Heard

WORKERS = (1, 2)


def main() -> None:
    """Measure in turns; print a table of frames a second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("video", type=Path, help="video of some ten seconds")
    parser.add_argument("--copies", type=int, default=8, help="names under which it is looked at")
    parser.add_argument("--fps", type=float, default=2.0, help="frames a second looked at")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path, help="page to put the section into")
    arguments = parser.parse_args()
    rates: dict[int, list[float]] = {n: [] for n in WORKERS}
    with tempfile.TemporaryDirectory() as folder, joined(LOCAL):
        videos = _named(arguments.video.resolve(), Path(folder), arguments.copies)
        for turn in range(arguments.rounds):
            for n in WORKERS:
                archive = Path(folder) / f"archive_{turn}_{n}"
                rates[n].append(_rate(videos, archive, arguments.fps, n))
                print(f"round {turn + 1}, {n} workers: {rates[n][-1]:.2f} frames a second")
    text = "\n\n".join(["## Fleet", f"`{command()}`, on {machine()}:", _table(rates)])
    if arguments.write:
        put_section(arguments.write, text + "\n")
    print(text)


def _named(video: Path, folder: Path, copies: int) -> list[Video]:
    """Return a video under several names."""
    paths = [folder / f"drive_{i}{video.suffix}" for i in range(copies)]
    for path in paths:
        path.symlink_to(video)
    return [Video(str(path), "file") for path in paths]


def _rate(videos: list[Video], archive: Path, fps: float, n_workers: int) -> float:
    """Return frames looked at in a second by so many workers."""
    base = base_onnx()
    open_or_make(str(archive), BaseFacts.of(read_model_file(base), LEAST_SCORE), fps, base.name)
    settings = WorkerSettings(str(archive), str(base), "cpu", threads=1)
    started = time.perf_counter()
    report = index(videos, RayWorkers(settings, LOCAL, Share(n_workers)), Heard())
    if report.problems:
        raise SystemExit(f"expected every video to be looked at, found {report.problems}")
    return report.n_frames / (time.perf_counter() - started)


def _table(rates: dict[int, list[float]]) -> str:
    """Return the median rates and what a round gained over one worker."""
    gains = {n: [a / b for a, b in zip(rates[n], rates[1], strict=True)] for n in WORKERS}
    rows = [
        [
            str(n),
            f"{statistics.median(rates[n]):.2f}",
            f"{statistics.median(gains[n]):.2f}",
            f"{min(gains[n]):.2f}, {max(gains[n]):.2f}",
        ]
        for n in WORKERS
    ]
    return "\n".join(table(["workers", "frames a second", "times one", "lowest, highest"], rows))


if __name__ == "__main__":
    main()
