"""One session of teaching: the project, its footage, what is learnt, and what is found by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from drivemeta.core import ClassBank
from drivemeta.errors import DriveMetaError, InputError
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.plugins.sink.class_colours import colours_of
from drivemeta.teach.clips import Clip, Image
from drivemeta.teach.exporting import ExportTask, export
from drivemeta.teach.following import further_views, joined
from drivemeta.teach.footage import Footage
from drivemeta.teach.frame_view import view_of
from drivemeta.teach.hit_list import HitList
from drivemeta.teach.hits import sent
from drivemeta.teach.learners import PageLearner
from drivemeta.teach.learning import Learning
from drivemeta.teach.pictures import FramePictures
from drivemeta.teach.project import Project
from drivemeta.teach.seen import Rows
from drivemeta.teach.shown import square_crop
from drivemeta.teach.state import Action, Add, Move, Reject, State, Xyxy, checked_place, clean_name

MODEL = "model.onnx"  # of a project, as it was exported last


class Teacher:
    """All that the page talks to; several threads may.

    Args:
        base: Detector that classes are added to.
        clips: Clips by name; they are closed with this.
        project: Folder of the project.
        learner: What learns; the default one if None.

    Attributes:
        project: State and its history.
        footage: Clips and their index.
        learning: What is learnt.
        exported: How the last export went: `phase`, `words`, `files`.

    Raises:
        InputError: the project cannot be opened.
        OutputError: the folder of the project cannot be written.
    """

    def __init__(
        self,
        base: TwoLevelDetector,
        clips: Mapping[str, Clip],
        project: Path,
        learner: PageLearner | None = None,
    ) -> None:
        self.base = base
        # Beyond all stamps of an earlier server, so that a page that stays open sees the change.
        self._stamp = self._hits_stamp = time.time_ns() // 1_000_000
        self._hits = HitList(base.bank, base.scoring)
        self._lock, self._finding = threading.RLock(), threading.Lock()
        self.exported: dict[str, Any] = {"phase": "idle", "words": "", "files": []}
        self.project = Project(project, lambda *place: self._pictures.facts(*place))
        try:
            folder = project / "index"
            self.footage = Footage(clips, folder, base, self._grown, self._is_busy)
        except BaseException:
            self.project.close()
            raise
        self._pictures = FramePictures(project, self.footage)
        self.learning = Learning(
            base,
            self.footage.networks,
            lambda: self._pictures.lesson(self.project.state),
            self._find,
            learner or PageLearner(),
        )
        self._taught = self._lesson_key(self.project.state)
        self._find()
        self.footage.start()
        if self.project.state.boxes:
            self.learning.again()

    def close(self) -> None:
        """End all threads; the project is saved already."""
        self.footage.close()
        self.learning.close()
        self.project.close()

    @property
    def stamp(self) -> int:
        """Number that grows with whatever the page shows."""
        return self._stamp

    def act(self, actions: Sequence[Action], revision: int) -> None:
        """Do what the user did, as one step.

        Raises:
            InputError: it does not fit, or was meant for an older state.
            OutputError: it cannot be saved.
        """
        self._changed_by(lambda: self.project.do([self._placed(a) for a in actions], revision))

    def undo(self, revision: int) -> None:
        """Take the last step back."""
        self._changed_by(lambda: self.project.undo(revision))

    def redo(self, revision: int) -> None:
        """Do the step again that was taken back last."""
        self._changed_by(lambda: self.project.redo(revision))

    def follow(self, number: int, revision: int) -> None:
        """Annotate the object of a box in the frames before and after it, as one step.

        Raises:
            InputError: it is not seen in the frames that were looked at.
        """
        box, boxes = self.project.state.box(number), self.project.state.boxes
        rows = self.footage.look(box.clip, box.frame)
        views = further_views(box, boxes, self.footage.indexes[box.clip], rows)
        if not views:
            raise InputError(
                f"{box.name} is not seen near in the frames that were looked at before and after "
                "this one: annotate it there by hand, if it is there"
            )
        self.act(views, revision)

    def look(self, clip: str, frame: int) -> dict[str, Any]:
        """Return what there is in a frame: proposals, and what is found by the classes known."""
        rows = self.footage.look(clip, frame)
        return view_of(rows, self.base.bank, self.bank(), self.base.scoring)

    def bank(self) -> ClassBank:
        """Return the classes with the thresholds that the user set."""
        return self.learning.learnt.bank.with_thresholds(dict(self.project.state.thresholds))

    def crop(self, clip: str, frame: int, box: Xyxy) -> Image:
        """Return a box of a frame with its surroundings, a square picture."""
        self.footage.clip(clip, frame)
        return square_crop(self.footage.aside(clip, "crops").frame(frame), box)

    def hits(self, name: str) -> dict[str, Any]:
        """Return the hits of a class, best first."""
        with self._lock:
            stamp = self._hits_stamp
        hits = sent(self._hits.all(), self.project.state, name)
        return {"stamp": stamp, "name": name, "hits": hits}

    def page(self) -> dict[str, Any]:
        """Return all that the page shows but for frames and hits."""
        with self._lock:
            stamp, hits_stamp = self._stamp, self._hits_stamp
            revision, state = self.project.snapshot()
            learnt = self.learning.learnt
            learning = {
                "phase": learnt.phase,
                "problem": learnt.problem,
                "report": learnt.report,
                "seconds": round(learnt.seconds, 1),
            }
            return {
                "stamp": stamp,
                "hits_stamp": hits_stamp,
                "revision": revision,
                "can_undo": self.project.can_undo,
                "can_redo": self.project.can_redo,
                "boxes": [vars(box) for box in state.boxes],
                "classes": self._classes(state),
                "index": self.footage.progress(),
                "index_problem": self.footage.problem,
                "learning": learning,
                "exported": self.exported,
            }

    def export(self, what: Sequence[str]) -> None:
        """Begin to write what is asked for.

        Raises:
            InputError: an export is running, or what was taught last is not learnt yet.
        """
        with self._lock:
            if self.exported["phase"] == "running":
                raise InputError("an export is running already: wait for it")
            if self.learning.is_busy:
                raise InputError("what you taught last is being learnt: export in a moment")
            state = self.project.state
            task = ExportTask(
                what,
                self.project.folder / "export",
                self.project.folder / MODEL,
                state,
                self._pictures.facts,
                self.project.folder,
                self.learning.learnt.adapted,
                {name: clip.path for name, clip in self.footage.clips.items()},
            )
            self._tell_export("running", "beginning")
        threading.Thread(target=self._export, args=(task,), name="export", daemon=True).start()

    def _export(self, task: ExportTask) -> None:
        try:
            files = export(task, lambda words: self._tell_export("running", words))
        except DriveMetaError as error:
            self._tell_export("failed", str(error))
        except Exception as error:  # noqa: BLE001  (the page says it)
            self._tell_export("failed", f"{type(error).__name__}: {error}")
        else:
            self._tell_export("done", "", files)

    def _tell_export(self, phase: str, words: str, files: Sequence[Path] = ()) -> None:
        with self._lock:
            self.exported = {"phase": phase, "words": words, "files": [str(f) for f in files]}
            self._stamp += 1

    def _classes(self, state: State) -> list[dict[str, Any]]:
        learnt = self.learning.learnt.bank
        known = {spec.name: spec for spec in learnt.classes}
        colours, rows = self._colours(state), []
        for name in self._names(state):
            spec = known.get(name)
            own = spec.threshold if spec else None
            rows.append(
                {
                    "name": name,
                    "mine": name in state.classes,
                    "colour": colours[name],
                    "boxes": sum(box.name == name for box in state.boxes),
                    "rejected": sum(no.name == name for no in state.rejected),
                    "learnt": own,
                    "threshold": state.thresholds.get(name, own),
                }
            )
        return rows

    def _colours(self, state: State) -> dict[str, str]:
        """Return the colours that classes have in videos: by the order in the exported model."""
        taught = [name for name in state.classes if any(box.name == name for box in state.boxes)]
        names = tuple(dict.fromkeys([*self.base.bank.names, *taught, *state.classes]))
        pairs = zip(names, colours_of(names), strict=True)
        return {name: "#{:02x}{:02x}{:02x}".format(*colour) for name, colour in pairs}

    def _names(self, state: State) -> list[str]:
        """Return the classes of the project, and those that the model to start from has learnt."""
        given = [spec.name for spec in self.base.bank.classes if spec.origin == "novel"]
        return list(dict.fromkeys([*state.classes, *given]))

    def _placed(self, action: Action) -> Action:
        """Return an action whose place lies in its frame, of which there is a picture."""
        if isinstance(action, Move):
            box = self.project.state.box(action.id)
            place = checked_place(
                action.xyxy, self.footage.clip(box.clip, box.frame).size(box.frame)
            )
            return action.model_copy(update={"xyxy": place})
        if isinstance(action, Add | Reject):
            size = self.footage.clip(action.clip, action.frame).size(action.frame)
            place, name = checked_place(action.xyxy, size), clean_name(action.name)
            action = action.model_copy(update={"xyxy": place, "name": name})
            if isinstance(action, Add):
                self._pictures.of(action.clip, action.frame)
                index = self.footage.indexes[action.clip]
                action = joined(action, self.project.state.boxes, index)
        return action

    def _changed_by(self, step: Callable[[], State]) -> None:
        step()
        with self._lock:
            key = self._lesson_key(self.project.state)
            if key != self._taught:
                self._taught = key
                self.learning.again()
        self._find(decided=True)

    @staticmethod
    def _lesson_key(state: State) -> object:
        return state.boxes, state.rejected  # thresholds change nothing of what is learnt

    def _is_busy(self) -> bool:
        return self.learning.is_busy or self.exported["phase"] == "running"

    def _find(self, *, decided: bool = False) -> None:
        """Look for what was learnt in all that is indexed, at the thresholds that hold.

        The page is told of hits if they are others, or if something was decided about them.
        """
        with self._finding:  # the last one has the newest bank
            names = self._names(self.project.state)
            changed = self._hits.score(self.bank(), self.footage.indexes, names)
        self._tell(hits=changed or decided)

    def _grown(self, clip: str, rows: Rows) -> None:
        """Look for what is known in what is new in the index."""
        added = self._hits.grow(clip, rows, self._names(self.project.state))
        self._tell(hits=added > 0)

    def _tell(self, *, hits: bool) -> None:
        with self._lock:
            self._hits_stamp += hits
            self._stamp += 1
