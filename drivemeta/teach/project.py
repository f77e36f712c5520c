"""A project: a folder of plain files, written whole after every action, with undo and redo."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from drivemeta.errors import InputError
from drivemeta.files import LOCK, locked, new_folder
from drivemeta.teach.saved import read_state, write_state
from drivemeta.teach.state import Action, State, apply

ANNOTATIONS = "annotations.json"
MOST_STEPS_BACK = 1000
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
        InputError: another process has the project open, or its annotations are damaged.
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
            self._revision, self._state = read_state(folder / ANNOTATIONS)
        except BaseException:
            self._held.close()
            raise
        self._undo: list[State] = []
        self._redo: list[State] = []

    def close(self) -> None:
        """Give the folder free for another process."""
        self._held.close()

    @property
    def state(self) -> State:
        """What holds now."""
        return self._state

    @property
    def revision(self) -> int:
        """Number of changes so far; it never goes back."""
        return self._revision

    @property
    def can_undo(self) -> bool:
        """Whether there is an action to take back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is an action to do again."""
        return bool(self._redo)

    def snapshot(self) -> tuple[int, State]:
        """Return the revision and the state that belongs to it."""
        with self._lock:
            return self._revision, self._state

    def do(self, actions: list[Action], revision: int) -> State:
        """Apply actions as one step, save, and return the state after it.

        Raises:
            InputError: an action does not fit.
            OutputError: the file cannot be written; the state stays as it was.
            StaleError: somebody else changed the project meanwhile.
        """
        with self._lock:
            self._check(revision)
            before = after = self._state
            for action in actions:
                after = apply(after, action)
            self._become(after)
            self._undo = [*self._undo, before][-MOST_STEPS_BACK:]
            self._redo = []
            return after

    def undo(self, revision: int) -> State:
        """Take the last step back."""
        return self._step(self._undo, self._redo, revision, "undo")

    def redo(self, revision: int) -> State:
        """Do the step again that was taken back last."""
        return self._step(self._redo, self._undo, revision, "do again")

    def _step(self, of: list[State], to: list[State], revision: int, what: str) -> State:
        with self._lock:
            self._check(revision)
            if not of:
                raise InputError(f"there is nothing to {what}")
            before = self._state
            self._become(of[-1])
            of.pop()
            to.append(before)
            return self._state

    def _check(self, revision: int) -> None:
        if revision != self._revision:
            raise StaleError(
                f"the project was changed in another window (change {self._revision}, this window "
                f"saw {revision}): it is shown as it is now; do it again if it is still wanted"
            )

    def _become(self, state: State) -> None:
        write_state(self.folder / ANNOTATIONS, self._revision + 1, state, self._facts)
        self._state = state
        self._revision += 1
