"""The `drivemeta` command: a table of commands, each imported when it is called.

Exit codes: 0 done; 1 failed; 2 the input or the usage was wrong.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from drivemeta.cli.invocation import PluginPathOption
from drivemeta.errors import DriveMetaError, adapting
from drivemeta.files import check_name

# name -> what `drivemeta --help` says of it; drivemeta/cli/NAME.py holds a function NAME, or an
# `app` where the command has commands of its own
COMMANDS = {
    "base": "Make a detector of your own the base, or show what a base finds by.",
    "adapt": "Learn new classes from a few annotated frames; write an ONNX model.",
    "check": "Read a support set as adapt does, and learn nothing: what is in it, what is odd.",
    "teach": "Teach classes by clicking boxes in a video: a page in the browser.",
    "detect": "Detect in images: annotated pictures, JSON, COCO pre-labels.",
    "process": "Detect and track in a video or a folder of images.",
    "index": "Look at videos once, so that classes learnt later can be searched for.",
    "search": "Find in an archive of videos what a class learnt today looks like.",
    "archive": "Tell of an archive of videos, verify it, make its files fewer.",
    "export": "Write a detector as one ONNX file: fp32, fp16 or int8.",
    "bank": "List, merge, remove and rename the classes of model files.",
    "deploy": "Write a model to where it is to run: Triton, or a folder with clients.",
    "verify": "Check that an ONNX model computes what it was exported to compute.",
    "eval": "Score a model on annotated images: COCO AP.",
    "bench": "Measure how fast models run here, beside the bare session and other detectors.",
    "doctor": "Print what this machine has, what really runs, and what to install.",
    "plugins": "List the plugins, or show one.",
    "train": "Train the base: level 1 or level 2.",
    "metatrain": "Meta-train a learner on episodes.",
    "demo": "Learn a sign from five frames and find it in a video, start to end.",
}


class LazyGroup(TyperGroup):
    """Lists the commands of the table and imports the one that is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Replace the command that was named by the real one."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed if name is None else load_command(name), rest


def load_command(name: str) -> Any:
    """Import a command of the table and return it as Typer's own kind of command."""
    module = importlib.import_module(f"drivemeta.cli.{name}")
    parent = typer.Typer(add_completion=False)
    parent.callback()(_listed)  # makes it a group even of one command
    if hasattr(module, "app"):
        parent.add_typer(module.app, name=name)
    else:
        parent.command(name)(getattr(module, name))
    group: Any = typer.main.get_command(parent)
    return group.commands[name]


def _show_version(requested: bool) -> None:
    if requested:
        from drivemeta.version import release

        typer.echo(f"drivemeta {release()}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=_show_version,
            help="Print version and commit, and exit.",
        ),
    ] = False,
    plugin_path: PluginPathOption = None,
) -> None:
    """Few-shot perception for driving: adapt a detector from a few frames, export it, run it."""


def _listed() -> None:
    """Stand in the list for a command that is not imported yet."""


app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.callback()(_top)
for _name, _summary in COMMANDS.items():
    app.command(_name, help=_summary)(_listed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; errors are one message, no traceback."""
    try:
        with adapting("this command"):
            for word in sys.argv[1:] if arguments is None else arguments:
                check_name(word)
            app(args=arguments, prog_name="drivemeta")
    except DriveMetaError as error:
        for line in (f"error: {error}", *getattr(error, "__notes__", ())):
            sys.stderr.write(f"{line}\n")
        sys.exit(error.exit_code)
    except OSError as error:  # of a file or device, which its message names
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
