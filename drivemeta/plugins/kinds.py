"""What a plugin of each kind must be able to do: one protocol a kind, learners' in its own module.

Only the typing of torch values needs torch, so this module never imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from drivemeta.plugins.detector.protocol import DetectorPlugin
from drivemeta.plugins.learner.protocol import Learner
from drivemeta.plugins.scheduler.protocol import Scheduler
from drivemeta.plugins.sink.protocol import Sink
from drivemeta.plugins.source.protocol import Source
from drivemeta.plugins.tracker.protocol import Tracker

if TYPE_CHECKING:
    pass

Kind = Literal["learner", "detector", "source", "tracker", "sink", "scheduler"]
KINDS: tuple[Kind, ...] = get_args(Kind)


PROTOCOLS: dict[Kind, type] = {
    "learner": Learner,
    "detector": DetectorPlugin,
    "source": Source,
    "tracker": Tracker,
    "sink": Sink,
    "scheduler": Scheduler,
}
