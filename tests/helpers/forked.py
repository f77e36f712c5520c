"""Programs in processes of their own that need not import everything again."""

import multiprocessing
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 300
PYTEST = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"  # for `python`
IMPORTED = (
    "drivemeta.cli.adapt",
    "drivemeta.cli.process",
    "drivemeta.adaptation.adapt",
    "drivemeta.export.exporter",
    "drivemeta.video.job",
    "onnxruntime",
    "rich.progress",
    "torch",
    "trackers",
)


@cache
def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED])
    return context


def start(function: Callable[..., object], *args: object) -> multiprocessing.Process:
    """Start a function of a module in a process forked off one that has imported the package."""
    process = _context().Process(target=function, args=args)
    process.start()
    return process


def python(
    folder: Path,
    code: str,
    words: Sequence[object] = (),
    variables: Mapping[str, str] | None = None,
) -> str:
    """Run code in a folder as `python -c` does; return what it prints, fail if it fails."""
    known = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, known))}
    environment = {**os.environ, **paths, **(variables or {})}
    with tempfile.TemporaryDirectory() as notes:
        said = Path(notes, "said")
        process = start(_python, str(said), str(folder), code, [*map(str, words)], environment)
        process.join(TIMEOUT_S)
        with suppress(ProcessLookupError):
            process.kill()
        process.join()
        text = said.read_text("utf-8")
    if process.exitcode:
        pytest.fail(f"exit code {process.exitcode} of {code} {' '.join(map(str, words))}\n{text}")
    return text


def _python(
    said: str, folder: str, code: str, words: list[str], environment: dict[str, str]
) -> None:
    to_file = os.open(said, os.O_WRONLY | os.O_CREAT)
    os.dup2(to_file, 1)
    os.dup2(to_file, 2)
    os.chdir(folder)
    os.environ.update(environment)
    sys.path[:0] = ["", *environment["PYTHONPATH"].split(os.pathsep)]
    sys.argv = ["-c", *words]
    warnings.simplefilter("error", SyntaxWarning)
    main = sys.modules["__main__"] = ModuleType("__main__")  # which is no file's, as with -c
    exec(compile(code, "<code>", "exec"), vars(main))
