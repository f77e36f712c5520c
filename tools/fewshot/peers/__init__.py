"""Other ways to learn classes from shots, measured beside the project's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tools.fewshot.peers.finetune import FineTuning
from tools.fewshot.peers.interface import Method
from tools.fewshot.peers.naming import DensePrototypes, ImageNetFeatures
from tools.fewshot.peers.sift import SiftMatching

PEERS: dict[str, Callable[[], Method]] = {
    "dense": DensePrototypes,
    "head": partial(FineTuning, "head", 200, 1e-3),
    "all": partial(FineTuning, "all", 150, 5e-4),
    "imagenet": ImageNetFeatures,
    "sift": SiftMatching,
}
