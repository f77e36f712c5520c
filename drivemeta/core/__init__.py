"""Values that cross every stage; numpy only, imports nothing of ours."""

from drivemeta.core.bank import DISTRACTOR, BankRows, ClassBank, ClassSpec
from drivemeta.core.detections import Detections
from drivemeta.core.frame import Frame
from drivemeta.core.letterbox import Letterbox
from drivemeta.core.super_classes import SUPER_CLASSES
from drivemeta.core.tracks import UNTRACKED, Tracks

__all__ = [
    "DISTRACTOR",
    "SUPER_CLASSES",
    "UNTRACKED",
    "BankRows",
    "ClassBank",
    "ClassSpec",
    "Detections",
    "Frame",
    "Letterbox",
    "Tracks",
]
