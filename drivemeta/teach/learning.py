"""Learning in the background: always from the newest state; work on an older one is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.adapted import Adapted
from drivemeta.adaptation.report.diagnosis import diagnose_support
from drivemeta.adaptation.report.page import warnings
from drivemeta.adaptation.report.verdict import verdicts
from drivemeta.core import ClassBank
from drivemeta.data.support import SupportSet
from drivemeta.errors import DriveMetaError
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import CROP_SIZE
from drivemeta.teach.learners import PageLearner
from drivemeta.teach.networks import RememberingNetworks

Phase = Literal["empty", "waiting", "learning", "judging", "ready", "failed"]
Lesson: TypeAlias = tuple[SupportSet | None, list[Path]]


class _OutOfDateError(Exception):
    """The state changed while it was learnt from."""


@dataclass(frozen=True, eq=False)
class Learnt:
    """What is learnt so far.

    Attributes:
        phase: How far learning is.
        bank: Classes of the newest rows; those of the base where nothing is learnt.
        adapted: Whole result with its thresholds; None before it is there.
        report: What `adapt` says of it, for the page.
        problem: Why learning failed.
        seconds: Seconds that it took, 0 before it is done.
    """

    phase: Phase
    bank: ClassBank
    adapted: Adapted | None = None
    report: dict[str, Any] | None = None
    problem: str = ""
    seconds: float = 0.0


class Learning:
    """A thread that learns.

    Args:
        base: Detector that classes are added to.
        seen: Networks of it that have looked at the frames where boxes are.
        lesson: Function that returns what there is to learn now: the support set, None where it is
            empty, and pictures without any of its objects.
        changed: Function called whenever `learnt` is replaced.
        learner: What learns.
    """

    def __init__(
        self,
        base: TwoLevelDetector,
        seen: RememberingNetworks,
        lesson: Callable[[], Lesson],
        changed: Callable[[], None],
        learner: PageLearner,
    ) -> None:
        self._learner = learner
        self._base, self._lesson, self._changed = base, lesson, changed
        self._networks = RememberingNetworks(base, seen)
        self._networks.check = self._check
        self._wanted, self._begun = 0, 0
        self._wake = threading.Condition()
        self._ended = False
        self.learnt = Learnt("empty", base.bank)
        self._thread = threading.Thread(target=self._run, name="learning", daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether something is to be learnt, or being learnt."""
        return self.learnt.phase in ("waiting", "learning", "judging")

    def again(self) -> None:
        """Learn anew; what is being learnt is out of date."""
        with self._wake:
            self._wanted += 1
            self.learnt = replace(self.learnt, phase="waiting", problem="")
            self._wake.notify()

    def close(self) -> None:
        """End the thread; it gives up what it does."""
        with self._wake:
            self._ended = True
            self._wanted += 1
            self._wake.notify()
        self._thread.join()

    def _check(self) -> None:
        if self._wanted != self._begun:
            raise _OutOfDateError

    def _warm(self) -> None:
        """Do what the first click would have to wait for."""
        self._networks.embed(torch.zeros(1, 3, CROP_SIZE, CROP_SIZE))

    def _run(self) -> None:
        with suppress(_OutOfDateError):  # it is needed now
            self._warm()
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted != self._begun)
                if self._ended:
                    return
                self._begun = self._wanted
            with suppress(_OutOfDateError):
                self._learn_or_say()

    def _learn_or_say(self) -> None:
        """Learn, or tell why it failed."""
        try:
            self._learn()
        except _OutOfDateError:
            raise
        except DriveMetaError as error:
            self._tell(Learnt("failed", self._base.bank, problem=str(error)))
        except Exception as error:  # noqa: BLE001  (the page says it; the thread goes on)
            problem = f"{type(error).__name__}: {error}; this is a fault of DriveMeta"
            self._tell(Learnt("failed", self._base.bank, problem=problem))

    def _learn(self) -> None:
        started = time.perf_counter()
        self._tell(replace(self.learnt, phase="learning"))
        support, negatives = self._lesson()
        if support is None:
            self._tell(Learnt("empty", self._base.bank))
            return
        adapted = adapt(
            self._base,
            support,
            self._learner.name,
            negatives=negatives,
            extend=True,
            registry=self._learner.registry,
            networks=self._networks,
            on_rows=self._publish,
        )
        self._check()
        bank, report = adapted.detector.bank, report_of(adapted)
        self._tell(Learnt("ready", bank, adapted, report, "", time.perf_counter() - started))

    def _publish(self, bank: ClassBank) -> None:
        """Show rows before their thresholds are known: the last ones hold meanwhile."""
        known = {spec.name: spec.threshold for spec in self.learnt.bank.classes}
        self._check()
        self._tell(Learnt("judging", bank.with_thresholds(known), report=self.learnt.report))

    def _tell(self, learnt: Learnt) -> None:
        with self._wake:
            self._check()
            self.learnt = learnt
        self._changed()


def report_of(adapted: Adapted) -> dict[str, Any]:
    """Return what `adapt` says of each class, and what to look at, in words."""
    diagnosis = diagnose_support(adapted)
    judged = verdicts(adapted, diagnosis, adapted.record.frames_held)
    lines = {verdict.name: verdict for verdict in judged}
    return {
        "classes": [
            {
                "name": row.name,
                "found_as": row.parent or "a new kind of object",
                "reason": row.reason,
                "shots": row.shots,
                "threshold": round(row.threshold, 4),
                "low_confidence": row.low_confidence,
                "grade": lines[row.name].grade,
                "verdict": lines[row.name].line,
            }
            for row in adapted.classes
        ],
        "to_look_at": warnings(diagnosis),
        "notes": list(adapted.record.support.dataset.notes),
    }
