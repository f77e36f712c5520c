"""Other ways to learn classes from shots, measured beside the project's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from peers.finetune import FineTuning
from peers.interface import Method
from peers.naming import DensePrototypes, ImageNetFeatures
from peers.sift import SiftMatching

PEERS: dict[str, Callable[[], Method]] = {
    "dense": DensePrototypes,
    "head": partial(FineTuning, "head", 60, 1e-3),
    "all": partial(FineTuning, "all", 40, 2e-4),
    "imagenet": ImageNetFeatures,
    "sift": SiftMatching,
}
