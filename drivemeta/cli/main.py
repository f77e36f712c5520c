"""The `drivemeta` command: a table of commands, each imported when it is called.

Exit codes: 0 done; 1 failed; 2 the input or the usage was wrong.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

import typer

from drivemeta.errors import DriveMetaError

# name -> (module below drivemeta.cli, help shown by `drivemeta --help`)
COMMANDS = {
    "adapt": ("adapt", "Learn new classes from a few annotated frames; write an ONNX model."),
    "detect": ("detect", "Detect in images: annotated pictures, JSON, COCO pre-labels."),
    "process": ("process", "Detect and track in a video or a folder of images."),
    "export": ("export", "Write a detector's weights as one ONNX file."),
    "verify": ("verify", "Check that an ONNX model computes what it was exported to compute."),
    "eval": ("eval", "Score a model on annotated images: COCO AP."),
    "plugins": ("plugins", "List the plugins, or show one."),
    "train": ("train", "Train the base: level 1 or level 2."),
    "demo": ("demo", "Learn a sign from five frames and find it in a video, start to end."),
}


def build_app(arguments: Sequence[str]) -> typer.Typer:
    """Return the application with the command called for, the others listed but not imported."""
    app = typer.Typer(no_args_is_help=True, add_completion=False)
    app.callback()(_top)
    called = next((word for word in arguments if not word.startswith("-")), None)
    for name, (module_name, summary) in COMMANDS.items():
        if name != called:
            app.command(name, help=summary)(_listed)
            continue
        module = importlib.import_module(f"drivemeta.cli.{module_name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            run: Callable[..., None] = getattr(module, module_name)
            app.command(name)(run)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; errors are one message, no traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build_app(words)(args=words)
    except DriveMetaError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)


def _top(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Few-shot perception for driving: adapt a detector from a few frames, export it, run it."""
    if version:
        from drivemeta import __version__

        typer.echo(f"drivemeta {__version__}")
        raise typer.Exit


def _listed() -> None:
    """Stand for a command that is only listed."""


if __name__ == "__main__":
    main()
