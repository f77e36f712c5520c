"""The folder of a project: nothing shown as saved is lost, nothing is overwritten unseen."""

import json

import pytest

from drivemeta.data.readers import read_annotations
from drivemeta.errors import AnnotationError, InputError
from drivemeta.teach.project import ANNOTATIONS, Project, StaleError
from drivemeta.teach.state import Add, Reject, SetThreshold, State
from tests.helpers.teach import facts, paint_frames

ADD = Add(do="add", clip="drive", frame=3, xyxy=(10, 20, 30, 40), name="stop")
NO = Reject(do="reject", clip="drive", frame=5, xyxy=(10, 20, 30, 40), name="stop")


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "signs", facts)
    yield made
    made.close()


def reopened(project):
    project.close()
    return Project(project.folder, facts)


def test_what_was_done_is_there_again(project):
    project.do([ADD], 0)
    project.do([NO, SetThreshold(do="threshold", name="stop", value=0.25)], 1)
    again = reopened(project)
    assert again.snapshot() == (2, project.state)
    again.close()


def test_the_annotations_are_coco(project):
    project.do([ADD, ADD.model_copy(update={"frame": 4, "name": "<b>né"})], 0)
    paint_frames(project.folder, project.state)
    found = read_annotations(project.folder / ANNOTATIONS)
    assert found.classes == ("stop", "<b>né")
    assert [image.boxes.tolist() for image in found.images] == [[[10, 20, 30, 40]]] * 2


def test_steps_are_taken_back_and_done_again(project):
    project.do([ADD], 0)
    project.do([ADD.model_copy(update={"name": "yield"}), NO], 1)
    both = project.state
    assert len(project.undo(2).boxes) == 1
    assert project.undo(3) == State()
    assert not project.can_undo
    with pytest.raises(InputError, match="nothing to undo"):
        project.undo(4)
    project.redo(4)
    assert project.redo(5) == both
    again = reopened(project)
    assert again.state == both
    again.close()


def test_a_new_step_ends_what_could_be_done_again(project):
    project.do([ADD], 0)
    project.undo(1)
    project.do([NO], 2)
    assert not project.can_redo


def test_a_window_that_is_behind_is_refused(project):
    project.do([ADD], 0)
    for late in (lambda: project.do([NO], 0), lambda: project.undo(0)):
        with pytest.raises(StaleError, match="another window"):
            late()
    assert len(project.state.boxes) == 1
    assert not project.state.rejected


def test_a_step_whose_file_cannot_be_written_did_not_happen(project, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("drivemeta.teach.saved.write_text", full)
        with pytest.raises(OSError, match="No space"):
            project.do([ADD], 0)
    assert project.snapshot() == (0, State())
    project.do([ADD], 0)


def test_two_hundred_quick_actions(project):
    for step in range(200):
        project.do([ADD.model_copy(update={"frame": step % 7})], step)
    again = reopened(project)
    assert [box.id for box in again.state.boxes] == list(range(1, 201))
    again.close()


def test_one_process_at_a_time(project):
    with pytest.raises(InputError, match="use its page"):
        Project(project.folder, facts)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file: "{", "found"),
        (lambda file: json.dumps({"images": []}), "categories: Field required"),
        (lambda file: file.replace('"version": 1', '"version": 9'), "expected version 1"),
        (lambda file: file.replace('"image_id": 1', '"image_id": 7'), "category 7"),
    ],
)
def test_damaged_annotations_are_named_and_left(project, damage, words):
    project.do([ADD], 0)
    project.close()
    path = project.folder / ANNOTATIONS
    path.write_text(damage(path.read_text()))
    before = path.read_text()
    with pytest.raises(AnnotationError, match=words):
        Project(project.folder, facts)
    assert path.read_text() == before
