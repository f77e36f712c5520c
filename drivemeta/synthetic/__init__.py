"""Synthetic road scenes in perspective, with exact boxes and identities."""

from drivemeta.synthetic.dataset import CocoOptions, write_coco, write_frames
from drivemeta.synthetic.pictograms import (
    CATALOGUE,
    DEMO_PICTOGRAMS,
    TRAIN_PICTOGRAMS,
    pictogram,
)
from drivemeta.synthetic.render import SyntheticFrame, render
from drivemeta.synthetic.scene import Plan, Scene

__all__ = [
    "CATALOGUE",
    "DEMO_PICTOGRAMS",
    "TRAIN_PICTOGRAMS",
    "CocoOptions",
    "Plan",
    "Scene",
    "SyntheticFrame",
    "pictogram",
    "render",
    "write_coco",
    "write_frames",
]
