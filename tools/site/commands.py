"""The page of all commands, from what `--help` knows of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from drivemeta.cli.main import COMMANDS, load_command

TOP = """# Commands

What `drivemeta COMMAND --help` tells, for each command. `drivemeta --plugin-path DIR COMMAND` adds
a folder of plugins to any of them. They exit with 0 when done, 1 when something failed, and 2 when
the input or the usage was wrong.
"""


def commands_page() -> str:
    """Return the page, as Markdown."""
    parts = [TOP]
    for name in COMMANDS:
        command = load_command(name)
        below = getattr(command, "commands", {})
        parts += section(command, f"drivemeta {name}", 2)
        for each in below.values():
            parts += section(each, f"drivemeta {name} {each.name}", 3)
    return "\n".join(parts)


def section(command: Any, name: str, level: int) -> Iterator[str]:
    """Yield the heading, usage, text and options of a command.

    Args:
        command: Command as Typer builds it.
        name: What is typed for it.
        level: Number of `#` of its heading.
    """
    context = command.context_class(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f"{'#' * level} {name}\n\n```text\n{usage}\n```\n\n{command.help}\n"
    records = [param.get_help_record(context) for param in command.params]
    rows = [f"| `{what}` | {cell(text)} |" for what, text in filter(None, records)]
    if rows:
        yield "\n".join(["| option | what it says |", "|---|---|", *rows, ""])


def cell(text: str) -> str:
    """Return a help text as a table's cell: as it is, not as Markdown."""
    return re.sub(r"([|\[\]<>*_])", r"\\\1", " ".join(text.split()))
