"""The steps of a project, kept in a file of their own, so that undo and redo outlive the server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from drivemeta.errors import AnnotationError, InputError
from drivemeta.files import write_bytes
from drivemeta.teach.state import Action, State, apply

MOST_STEPS = 1000

Step: TypeAlias = tuple[Action, ...]


@dataclass(frozen=True, eq=False)
class History:
    """Steps from one state to the next, the last of which may be taken back.

    Attributes:
        states: The state before each step, and the one after the last.
        steps: Actions of each step.
        n_done: Number of steps that hold.
    """

    states: tuple[State, ...]
    steps: tuple[Step, ...] = ()
    n_done: int = 0

    @property
    def state(self) -> State:
        """What holds now."""
        return self.states[self.n_done]

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self.n_done > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return self.n_done < len(self.steps)

    def done(self, step: Step) -> History:
        """Return the history with a step more; those that were taken back are gone.

        Raises:
            InputError: it does not fit the state that holds.
        """
        states = (*self.states[: self.n_done + 1], after(self.state, step))[-MOST_STEPS - 1 :]
        steps = (*self.steps[: self.n_done], step)[-MOST_STEPS:]
        return History(states, steps, len(steps))

    def moved(self, by: Literal[-1, 1]) -> History:
        """Return the history with the last step taken back, or the next one done again.

        Raises:
            InputError: there is none.
        """
        if not (self.can_redo if by > 0 else self.can_undo):
            raise InputError(f"there is nothing to {'do again' if by > 0 else 'undo'}")
        return replace(self, n_done=self.n_done + by)


@dataclass(frozen=True)
class _File:
    """A history as it is written: the states follow from the first one."""

    version: Literal[1]
    start: State
    steps: Annotated[tuple[Step, ...], Field(max_length=MOST_STEPS)]
    n_done: int


_FILE = TypeAdapter(_File)


def after(state: State, step: Step) -> State:
    """Return the state after a step.

    Raises:
        InputError: an action does not fit.
    """
    for action in step:
        state = apply(state, action)
    return state


def write_history(path: Path, history: History) -> None:
    """Write a history whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_bytes(path, _FILE.dump_json(_File(1, history.states[0], history.steps, history.n_done)))


def read_history(path: Path, state: State) -> History:
    """Return the history of a file as far as it leads to a state.

    The file is written before the state is: where the server ended between, its last step is one to
    do again. A history that does not lead to the state begins anew: the annotations are others.

    Args:
        path: File, which need not be there.
        state: What the annotations hold.

    Raises:
        AnnotationError: the file is damaged, or of a later version.
    """
    if not path.exists():
        return History((state,))
    try:
        file = _FILE.validate_json(path.read_bytes())
        states = tuple(accumulate(file.steps, after, initial=file.start))
    except (OSError, ValueError, InputError) as error:
        raise AnnotationError(
            f"{path}: expected the steps that `drivemeta teach` wrote, found something else "
            f"({str(error).splitlines()[0]}); remove the file: nothing is lost but undo"
        ) from error
    held = [number for number, each in enumerate(states) if each == state]
    if not held:
        return History((state,))
    return History(states, file.steps, min(held, key=lambda number: abs(number - file.n_done)))
