"""Undo and redo, which outlive the server."""

import json

import numpy as np
import pytest

from drivemeta.errors import AnnotationError, InputError, OutputError
from drivemeta.teach import history as module
from drivemeta.teach.history import History, read_history, write_history
from drivemeta.teach.project import ANNOTATIONS, HISTORY, Project
from drivemeta.teach.state import Add, Reject, Remove, SetThreshold, State
from tests.helpers.teach import facts

ADD = Add(do="add", clip="drive", frame=3, xyxy=(10, 20, 30, 40), name="stop")
NO = Reject(do="reject", clip="drive", frame=5, xyxy=(10, 20, 30, 40), name="stop")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "signs"


@pytest.fixture
def opened(folder):
    """Return a function that opens the project, as another server would."""
    held = []

    def again():
        while held:
            held.pop().close()
        held.append(project := Project(folder, facts))
        return project

    yield again
    for project in held:
        project.close()


def test_what_was_done_is_taken_back_by_the_next_server(opened):
    project = opened()
    project.do([ADD], 0)
    project.do([NO, SetThreshold(do="threshold", name="stop", value=0.25)], 1)
    project.do([Remove(do="remove", id=1)], 2)
    project.undo(3)
    project = opened()
    assert (project.can_undo, project.can_redo, project.revision) == (True, True, 4)
    assert not project.redo(4).boxes
    project = opened()
    project.undo(5)
    after = project.undo(6)
    assert (len(after.boxes), after.rejected, dict(after.thresholds)) == (1, (), {})
    project = opened()
    assert project.undo(7) == State()
    assert not opened().can_undo
    assert opened().redo(8).boxes[0].name == "stop"


def test_a_state_that_was_there_before_is_told_from_that_time(opened):
    project = opened()
    project.do([SetThreshold(do="threshold", name="stop", value=0.3)], 0)
    project.do([SetThreshold(do="threshold", name="stop", value=0.6)], 1)
    project.do([SetThreshold(do="threshold", name="stop", value=0.3)], 2)
    assert opened().undo(3).thresholds == {"stop": 0.6}


@pytest.mark.parametrize("step", ["do", "undo", "redo"])
def test_a_server_that_ends_between_both_files_loses_neither(opened, step, monkeypatch):
    project = opened()
    for number in range(3):
        project.do([ADD.model_copy(update={"frame": number})], number)
    project.undo(3)
    before = project.state

    def killed(*_):
        raise OSError(5, "killed")

    with monkeypatch.context() as patch:
        patch.setattr("drivemeta.teach.saved.write_text", killed)
        with pytest.raises(OSError, match="killed"):
            project.do([NO], 4) if step == "do" else getattr(project, step)(4)
    project = opened()
    assert (project.state, project.revision) == (before, 4)
    assert project.can_redo
    assert len(project.undo(4).boxes) == 1


def test_a_step_whose_history_cannot_be_written_did_not_happen(opened, monkeypatch):
    project = opened()

    def full(*_):
        raise OutputError("cannot write history.json: No space left on device")

    monkeypatch.setattr(module, "write_bytes", full)
    with pytest.raises(OutputError, match="No space"):
        project.do([ADD], 0)
    assert project.snapshot() == (0, State())
    assert not project.can_undo


def test_annotations_of_another_hand_begin_a_new_history(opened, folder):
    project = opened()
    project.do([ADD], 0)
    project.do([NO], 1)
    path = folder / ANNOTATIONS
    whole = json.loads(path.read_text())
    whole["annotations"][0]["bbox"] = [1, 2, 30, 40]
    path.write_text(json.dumps(whole))
    project = opened()
    assert (project.can_undo, project.can_redo) == (False, False)
    assert project.do([NO], 2).boxes[0].xyxy == (1, 2, 31, 42)
    assert opened().undo(3).boxes[0].xyxy == (1, 2, 31, 42)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"{",
        lambda _: b"\xff" * 9,
        lambda file: file.replace(b'"version":1', b'"version":2'),
        lambda file: file.replace(b'"do":"add"', b'"do":"format disk"'),
        lambda file: file.replace(b'"do":"add"', b'"do":"add","path":"/etc/passwd"'),
        lambda file: file.replace(b'"id":1', b'"id":7'),
    ],
)
def test_a_damaged_history_is_named(opened, folder, damage):
    project = opened()
    project.do([ADD], 0)
    project.do([Remove(do="remove", id=1)], 1)
    path = folder / HISTORY
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(AnnotationError, match=r"history\.json.* nothing is lost but undo"):
        opened()
    path.unlink()
    assert not opened().can_undo


def test_only_so_many_steps_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_STEPS", 5)
    history = History((State(),))
    for _ in range(8):
        history = history.done((ADD,))
    assert (len(history.steps), len(history.states), history.n_done) == (5, 6, 5)
    write_history(tmp_path / HISTORY, history)
    again = read_history(tmp_path / HISTORY, history.state)
    assert again.states == history.states
    while again.can_undo:
        again = again.moved(-1)
    assert len(again.state.boxes) == 3
    with pytest.raises(InputError, match="nothing to undo"):
        again.moved(-1)


def test_places_are_the_same_in_both_files(opened):
    project, rng = opened(), np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 2000, (150, 2, 2)), axis=1).reshape(150, 4).round(2)
    adds = [ADD.model_copy(update={"xyxy": tuple(box)}) for box in corners.tolist()]
    project.do(adds, 0)
    assert opened().can_undo
