"""Seconds from five shots of a sign to a verified ONNX file: the section `## Adapt`.

    python -m tools.speed.adapt --write docs/benchmarks.md

Each run is a process of its own, as a user starts it. The first run of a learner stands by itself,
since it fills the cache of traced networks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tools.page_section import put_section
from tools.provenance import command, machine
from tools.speed.stop_sign import add_options, write_support

LEARNERS = ("protonet", "matching", "siamese", "maml", "anil", "metasgd", "reptile")
HEADING = "## Adapt"
WHAT = """Seconds of `drivemeta adapt` for the Italian stop sign: median of the runs, with the
least and the most. *To a verified file*: from reading the shots to the ONNX file that was compared
with torch, contact sheet and report included. *Learning* is the adaptation alone. *Process* adds
the start of Python and its imports. *First* is the first run of a learner as a process; where no
network was traced before, it takes that much longer.
"""


class Run(NamedTuple):
    """Seconds of one run."""

    to_file: float
    learning: float
    process: float


def main() -> None:
    """Measure, print the section, write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add_options(parser)
    add("--learners", nargs="+", default=list(LEARNERS))
    add("--write", type=Path, help="page whose section is written, docs/benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        support, images = write_support(folder, arguments)
        lines = [
            _line(name, [_adapt(name, support, images, folder) for _ in range(arguments.runs + 1)])
            for name in arguments.learners
        ]
    made_by = f"`{command()}`; {arguments.shots} shots; {machine()}."
    head = "| learner | to a verified file | least, most | learning | process | first |"
    text = "\n".join([HEADING, "", WHAT, made_by, "", head, "|---" * 6 + "|", *lines, ""])
    print(text)
    if arguments.write:
        put_section(arguments.write, text)


def _adapt(learner: str, support: Path, images: Path, folder: Path) -> Run:
    command_line = [
        str(Path(sys.executable).with_name("drivemeta")), "adapt", str(support), "--images",
        str(images), "--learner", learner, "--out", str(folder / f"{learner}.onnx"), "--json",
    ]  # fmt: skip
    started = time.perf_counter()
    done = subprocess.run(command_line, check=True, capture_output=True, text=True)
    passed = time.perf_counter() - started
    told = json.loads(done.stdout)
    return Run(told["seconds"], told["adapt_seconds"], passed)


def _line(learner: str, runs: list[Run]) -> str:
    first, *others = runs
    file, learning, process = (sorted(seconds) for seconds in zip(*others, strict=True))
    return (
        f"| {learner} | {statistics.median(file):.1f} | {file[0]:.1f}, {file[-1]:.1f} | "
        f"{statistics.median(learning):.1f} | {statistics.median(process):.1f} | "
        f"{first.process:.1f} |"
    )


if __name__ == "__main__":
    main()
