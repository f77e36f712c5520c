"""What people see of a command: text on standard error, tables, and how far things are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.status import Status
    from rich.table import Table
    from rich.text import Text

TOLD_EVERY_S = 10.0
IN_A_PIPE = 1000  # columns: nothing wraps


def console(*, stderr: bool = True) -> Console:
    """Return the console for people: standard error, so that JSON has the output to itself.

    Text is shown as it is: names may hold brackets and colons. In a pipe no line is wrapped.
    """
    from rich.console import Console

    shown = Console(stderr=stderr, markup=False, emoji=False)
    if not shown.is_terminal:
        shown.width = IN_A_PIPE
    return shown


def new_table(*columns: str, n_left: int | None = None, **options: Any) -> Table:
    """Return an empty table whose cells are broken into lines, and never cut.

    Args:
        *columns: Headings.
        n_left: Number of columns set to the left, the others are set to the right; None for all.
        **options: Options of Rich's tables.
    """
    from rich.table import Table

    made = Table(**options)
    n_left = len(columns) if n_left is None else n_left
    for i, heading in enumerate(columns):
        made.add_column(heading, justify="left" if i < n_left else "right", overflow="fold")
    return made


def noted(label: str, words: str, colour: str = "yellow") -> Text:
    """Return a line that stands out by its label."""
    from rich.text import Text

    return Text.assemble((label, colour), words)


def working(words: str) -> Status:
    """Return a context that says on a terminal what is done meanwhile."""
    from rich.text import Text

    return console().status(Text(words))


def progress() -> Progress:
    """Return a progress bar on standard error; a line now and then where that is no terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    class Told(Progress):
        """Prints how far things are, every few seconds, where no bar is drawn."""

        last = time.monotonic()

        def update(self, task_id: Any, **fields: Any) -> None:
            super().update(task_id, **fields)
            self._tell(task_id)

        def advance(self, task_id: Any, advance: float = 1) -> None:
            super().advance(task_id, advance)
            self._tell(task_id)

        def _tell(self, task_id: Any) -> None:
            if not self.disable or time.monotonic() - self.last < TOLD_EVERY_S:
                return
            self.last = time.monotonic()
            task = next(task for task in self.tasks if task.id == task_id)
            whole = "" if task.total is None else f" of {task.total:.0f}"
            self.console.print(f"{task.description}: {task.completed:.0f}{whole}")

    shown = console()
    return Told(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=shown,
        disable=not shown.is_terminal,
    )
