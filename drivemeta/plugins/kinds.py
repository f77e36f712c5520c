"""The kinds of plugins, and the protocol of each; torch is never imported."""

from __future__ import annotations

from typing import Literal, get_args

from drivemeta.plugins.detector.protocol import DetectorPlugin
from drivemeta.plugins.layout.protocol import DetectorLayout
from drivemeta.plugins.learner.protocol import Learner
from drivemeta.plugins.scheduler.protocol import Scheduler
from drivemeta.plugins.sink.protocol import Sink
from drivemeta.plugins.source.protocol import Source
from drivemeta.plugins.tracker.protocol import Tracker

Kind = Literal["learner", "detector", "source", "tracker", "sink", "scheduler", "layout"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PROTOCOLS: dict[Kind, type] = {
    "learner": Learner,
    "detector": DetectorPlugin,
    "source": Source,
    "tracker": Tracker,
    "sink": Sink,
    "scheduler": Scheduler,
    "layout": DetectorLayout,
}
