"""A project: a folder of plain files, written whole after every action, with undo and redo."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from drivemeta.errors import InputError
from drivemeta.files import LOCK, locked, new_folder
from drivemeta.teach.history import History, read_history, write_history
from drivemeta.teach.saved import read_state, write_state
from drivemeta.teach.state import Action, State

ANNOTATIONS, HISTORY = "annotations.json", "history.json"
FrameFacts = Callable[[str, int], dict[str, Any]]


class StaleError(InputError):
    """An action was meant for an older state than there is."""


class Project:
    """The state of a project, its history, and its files.

    All methods may be called by several threads. One process holds a project at a time.

    Args:
        folder: Folder of the project, made if it is not there.
        facts: Function that returns what the annotation file says of a frame: its size, for
            instance, and its picture, which exists when the file is written.

    Attributes:
        folder: Folder of the project.

    Raises:
        InputError: another process has the project open, or its files are damaged.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path, facts: FrameFacts) -> None:
        self.folder = folder
        self._facts = facts
        self._lock = threading.RLock()
        self._held = ExitStack()
        self._held.enter_context(new_folder(folder))
        busy = f"another `drivemeta teach` has the project {folder} open: use its page, or end it"
        self._held.enter_context(locked(folder / LOCK, busy))
        try:
            self._revision, state = read_state(folder / ANNOTATIONS)
            self._history = read_history(folder / HISTORY, state)
        except BaseException:
            self._held.close()
            raise

    def close(self) -> None:
        """Give the folder free for another process."""
        self._held.close()

    @property
    def state(self) -> State:
        """What holds now."""
        return self._history.state

    @property
    def revision(self) -> int:
        """Number of changes so far; it never goes back."""
        return self._revision

    @property
    def can_undo(self) -> bool:
        """Whether there is an action to take back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is an action to do again."""
        return self._history.can_redo

    def snapshot(self) -> tuple[int, State]:
        """Return the revision and the state that belongs to it."""
        with self._lock:
            return self._revision, self.state

    def do(self, actions: list[Action], revision: int) -> State:
        """Apply actions as one step, save, and return the state after it.

        Raises:
            InputError: an action does not fit.
            OutputError: the file cannot be written; the state stays as it was.
            StaleError: somebody else changed the project meanwhile.
        """
        return self._become(lambda history: history.done(tuple(actions)), revision)

    def undo(self, revision: int) -> State:
        """Take the last step back; it raises what `do` does."""
        return self._become(lambda history: history.moved(-1), revision)

    def redo(self, revision: int) -> State:
        """Do the step again that was taken back last; it raises what `do` does."""
        return self._become(lambda history: history.moved(1), revision)

    def _check(self, revision: int) -> None:
        if revision != self._revision:
            raise StaleError(
                f"the project was changed in another window (change {self._revision}, this window "
                f"saw {revision}): it is shown as it is now; do it again if it is still wanted"
            )

    def _become(self, change: Callable[[History], History], revision: int) -> State:
        with self._lock:
            self._check(revision)
            history = change(self._history)
            write_history(self.folder / HISTORY, history)  # first, see `read_history`
            write_state(self.folder / ANNOTATIONS, self._revision + 1, history.state, self._facts)
            self._history = history
            self._revision += 1
            return self.state
