"""Where `drivemeta adapt` spends its seconds, from the command to the verified file.

    python -m tools.speed.adapt_stages --page docs/benchmarks.md

Each run is a process of its own, which runs the command with clocks round its stages. A stage is
without those inside it, and the verification without the report, which is written meanwhile. The
least of the runs stands, since other work on the machine only adds.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivemeta.markdown import table
from tools.page_section import put_section
from tools.provenance import command, machine
from tools.speed.stop_sign import add_options, write_support

HEADING = "## Where adapting spends its seconds"
WHAT = """`drivemeta adapt` for the Italian stop sign, {shots} shots, by the learner that it
chooses: seconds of each stage, the least of {runs} runs in processes of their own; CPU seconds are
those of all threads. Networks were traced before.
"""
IMPORTED = (
    "drivemeta.cli.main",
    "drivemeta.cli.adapt",
    "drivemeta.adaptation.adapt",
    "drivemeta.adaptation.report.write",
    "drivemeta.own.loading",
    "drivemeta.export.verify",
)
# Module and name of what is called in each stage.
STAGES = {
    "shots read": [("drivemeta.data.support", "SupportSet.from_path")],
    "base loaded": [("drivemeta.own.loading", "load_base")],
    "level 1 on the frames": [("drivemeta.adaptation.observation", "propose")],
    "crops and views": [("drivemeta.adaptation.adapt", "observe")],
    "rows and thresholds": [("drivemeta.adaptation.adapt", "_learnt")],
    "reference in torch": [("drivemeta.export.exporter", "torch_dense")],
    "graph put together": [("drivemeta.export.exporter", "_graph")],
    "compared with torch": [("drivemeta.export.exporter", "check_parity")],
    "probe, file": [
        ("drivemeta.export.exporter", "make_probe"),
        ("drivemeta.export.exporter", "write_model"),
    ],
    "file verified": [("drivemeta.export.verify", "repeat_probe")],
    "report": [("drivemeta.adaptation.report.write", "write_report")],
}
IMPORTS, REST, WHOLE = "start, imports", "the rest", "whole"
Clocked = dict[str, tuple[float, float]]
"""Wall and CPU seconds of each stage."""


class Clocks:
    """Wall and CPU seconds by stage; the one that runs inside another is taken off it."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}
        self._inside: list[list[float]] = []

    def round(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function with a clock round it."""

        def clocked(*args: Any, **kwargs: Any) -> Any:
            begun = _now()
            self._inside.append([0.0, 0.0])
            try:
                return call(*args, **kwargs)
            finally:
                passed = [now - then for now, then in zip(_now(), begun, strict=True)]
                inner = self._inside.pop()
                taken = self.taken.setdefault(stage, [0.0, 0.0])
                for i in (0, 1):
                    taken[i] += passed[i] - inner[i]
                    if self._inside:
                        self._inside[-1][i] += passed[i]

        return clocked


def main() -> None:
    """Measure, print the section, write it; with `--run`, be one of the runs."""
    if sys.argv[1:2] == ["--run"]:
        _run(float(sys.argv[2]), sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_options(parser)
    parser.add_argument(
        "--page", type=Path, help="page whose section is written, docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        support, images = write_support(folder, arguments)
        runs = [_measured(support, images, folder) for _ in range(arguments.runs + 1)][1:]
    lines = [
        (stage, *(f"{min(run[stage][kind] for run in runs):.2f}" for kind in (0, 1)))
        for stage in runs[0]
    ]
    what = WHAT.format(shots=arguments.shots, runs=arguments.runs)
    made_by = f"`{command()}`; {machine()}."
    text = "\n".join([HEADING, "", what, made_by, "", *table(("stage", "s", "CPU s"), lines), ""])
    print(text)
    if arguments.page:
        put_section(arguments.page, text)


def _measured(support: Path, images: Path, folder: Path) -> Clocked:
    adapt = ["adapt", str(support), "--images", str(images), "--out", str(folder / "a.onnx")]
    run = [sys.executable, "-m", "tools.speed.adapt_stages", "--run", str(time.perf_counter())]
    started = time.perf_counter()
    done = subprocess.run(
        [*run, *adapt, "--force", "--json"], check=True, capture_output=True, text=True
    )
    whole, told = time.perf_counter() - started, json.loads(done.stderr.splitlines()[-1])
    found = {stage: (wall, cpu) for stage, (wall, cpu) in told.items()}
    known = (sum(wall for wall, _ in found.values()), sum(cpu for _, cpu in found.values()))
    cpu = found.pop(WHOLE)[1]
    return found | {REST: (whole - known[0], 2 * cpu - known[1]), WHOLE: (whole, cpu)}


def _run(started: float, arguments: list[str]) -> None:
    """Run the command with clocks, and tell them on the last line of the error stream."""
    for name in IMPORTED:
        importlib.import_module(name)
    clocks = Clocks()
    clocks.taken[IMPORTS] = [time.perf_counter() - started, time.process_time()]
    for stage, places in STAGES.items():
        for module, name in places:
            _clock(clocks, stage, importlib.import_module(module), name)
    sys.argv = ["drivemeta", *arguments]
    try:
        importlib.import_module("drivemeta.cli.main").main()
    except SystemExit as done:
        if done.code:
            raise
    told = clocks.taken | {WHOLE: [0.0, time.process_time()]}
    print(json.dumps(told), file=sys.stderr)


def _clock(clocks: Clocks, stage: str, owner: Any, name: str) -> None:
    *outer, name = name.split(".")
    for part in outer:
        owner = getattr(owner, part)
    setattr(owner, name, clocks.round(stage, getattr(owner, name)))


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


if __name__ == "__main__":
    main()
