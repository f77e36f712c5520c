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
    "head": partial(FineTuning, "head", 200, 1e-3),
    "all": partial(FineTuning, "all", 150, 5e-4),
    "imagenet": ImageNetFeatures,
    "sift": SiftMatching,
}
