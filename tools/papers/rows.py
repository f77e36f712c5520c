"""The rows of the paper tables: what each paper reports, and how it is trained here.

Figures are in per cent, from the papers' tables for Omniglot: Snell et al. 2017 table 1; Vinyals
et al. 2016 table 1; Finn et al. 2017 table 1; Li et al. 2017 table 2; Nichol et al. 2018 table 2
(without transduction, where it says so); Koch et al. 2015 table 4. Raghu et al. 2020 report no
5-way figures of ANIL on Omniglot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivemeta.training.meta.omniglot_training import EpisodeShape, MetaTraining

N_QUERY_TEST = 15
EVALUATION = ("background_train", "val", "evaluation")
# Finn et al., Li et al. and Nichol et al. draw their characters at random from all alphabets.
MIXED = {"splits": ("mixed_train", "mixed_val", "mixed_test")}


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        learner: Name of the plugin.
        label: What is said of it beside the name.
        n_way: Classes of a test episode.
        n_shot: Support images of each.
        paper: Accuracy in per cent, None if the paper has none.
        iterations: Most that are trained; the best validation is tested.
        params: Parameters of the learner.
        settings: Settings of the training, beside the shape of the test episodes.
        figure: What the paper's figure is compared with, as `tables.figure_of` names it.
    """

    learner: str
    label: str
    n_way: int
    n_shot: int
    paper: float | None
    iterations: int
    params: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    figure: str = "accuracy"

    @property
    def key(self) -> str:
        """Name of the row in commands and files."""
        words = [self.learner, *self.label.replace(",", "").split()]
        return "_".join([*words, f"{self.n_way}w{self.n_shot}s"])

    @property
    def network(self) -> str:
        """Kind of its embedding."""
        return str(self.settings.get("network", "pooled"))

    @property
    def transductive(self) -> bool:
        """Whether the queries of an episode are normalised together."""
        return bool(self.params.get("transductive"))

    @property
    def n_query(self) -> int:
        """Query images of each class at test.

        Where they are normalised together, how many there are is part of the protocol: in the code
        of MAML (github.com/cbfinn/maml) as many as there are shots.
        """
        return self.n_shot if self.transductive else N_QUERY_TEST

    def config(self, omniglot: Path, out: Path, seed: int) -> MetaTraining:
        """Return the configuration of its training."""
        test = EpisodeShape(n_way=self.n_way, n_shot=self.n_shot, n_query=self.n_query)
        values = {
            "out": out,
            "omniglot": omniglot,
            "params": self.params,
            "test": test,
            "iterations": self.iterations,
            "seed": seed,
        }
        return MetaTraining.model_validate({**values, **self.settings})


def metric(n_way: int, n_shot: int, n_query: int = 5) -> dict[str, Any]:
    """Return settings of a method that may train with more ways than it is tested with."""
    shape = EpisodeShape(n_way=n_way, n_shot=n_shot, n_query=n_query)
    return {"train": shape, "validate_every": 100, "halve_every": 0, "anneal": True}


def gradient(n_shot: int, n_query: int = 3) -> dict[str, Any]:
    """Return settings of a method whose head is as wide in training as at test."""
    shape = EpisodeShape(n_way=5, n_shot=n_shot, n_query=n_query)
    return {
        "train": shape,
        "network": "strided",
        "by_product": True,
        "halve_every": 0,
        "anneal": True,
        "validate_every": 1000,
    }


# The papers' meta-batches are of 32 tasks; smaller ones get further in minutes on a CPU.
# Raghu et al. and Li et al. take over the networks and the batch norm of MAML, so theirs, too, are
# transductive.
SECOND = {"transductive": True, "meta_batch": 8, "mapped": "compiled"}
FIRST = {"first_order": True, **SECOND}
# Steps of the head alone cost little; so many were chosen on validation.
HEAD_ALONE = {**SECOND, "n_test_steps": 80}
# Cosines between -1 and 1 make a flat softmax over 20 ways, which learns slowly at the paper's 1.
SHARP = {"scale": 10.0}
SHARPER = {"scale": 20.0}
# Mirrored characters, and those of each task distorted alike, are classes that the network has not
# learnt by heart.
NEW = {"mirrors": True, "distort": True, "distort_classes": True}
# The settings of the authors' commands (github.com/openai/supervised-reptile). Their ten or twelve
# images a class in training are those of the query too, so that no image of a task is seen twice.
# With one shot their meta-step is 1, which undoes much of the weights that training goes on from.
FIVE_SHOTS = {"mapped": "compiled", "inner_lr": 0.0015, "meta_step": 0.7}
ONE_SHOT = {
    "mapped": "compiled",
    "inner_lr": 0.00044,
    "meta_step": 0.5,
    "n_steps": 12,
    "n_test_steps": 86,
    "inner_batch": 5,
    "meta_batch": 3,
}
# An episode of one query a class says little: more of them, less often.
FEW_QUERIES = {"validate_every": 5000, "n_validation": 400}
SELDOM = {"validate_every": 2000, "n_validation": 25}
# As in the authors' code (`supervised_reptile/models.py`), the head sees each place.
FLAT = {"network": "flattened"}
# In their code (`supervised_reptile/omniglot.py`) the characters of the test are not turned.
MIXED_FIVE_SHOTS = {**gradient(5, 5), **SELDOM, **MIXED, "rotations": "train"}
# Tests are within one alphabet, one drawer's images against another's; training is within six.
KOCH = {
    "splits": EVALUATION,
    "rotations": "train",
    "mirrors": True,
    "distort": True,
    "network": "residual",
    "n_filters": 16,
    "halve_every": 0,
    "anneal": True,
    "learning_rate": 0.003,
    "train": EpisodeShape(n_way=120, n_shot=1, n_query=1, n_groups=6),
    "test": EpisodeShape(n_way=20, n_shot=1, n_query=1, n_groups=1, same_images=True),
    "validate_every": 500,
    "n_validation": 200,
    "threads": 2,
}

ROWS = (
    Row("protonet", "", 5, 1, 98.8, 100_000, settings=metric(60, 1)),
    Row("protonet", "", 5, 5, 99.7, 100_000, settings=metric(60, 5)),
    Row("matching", "", 5, 1, 98.1, 100_000, SHARPER, {**metric(60, 1, 3), **NEW}),
    Row("matching", "", 5, 5, 98.9, 100_000, SHARP, metric(20, 5)),
    Row("maml", "first order", 5, 1, 98.3, 1_000_000, FIRST, gradient(1)),
    Row("maml", "first order", 5, 5, 99.2, 1_000_000, FIRST, gradient(5)),
    Row("maml", "", 5, 1, 98.7, 1_000_000, SECOND, gradient(1)),
    Row("maml", "", 5, 5, 99.9, 1_000_000, SECOND, gradient(5)),
    Row("anil", "", 5, 1, None, 1_000_000, HEAD_ALONE, {**gradient(1, 1), **FEW_QUERIES}),
    Row("metasgd", "", 5, 1, 99.53, 1_000_000, SECOND, gradient(1)),
    Row("reptile", "", 5, 1, 95.39, 200_000, ONE_SHOT, {**gradient(6, 6), **SELDOM, **FLAT}),
    Row("reptile", "", 5, 5, 98.90, 100_000, FIVE_SHOTS, {**gradient(5, 5), **SELDOM}),
    Row("metasgd", "mixed", 5, 1, 99.53, 1_000_000, SECOND, {**gradient(1), **MIXED}),
    Row("reptile", "mixed", 5, 5, 98.90, 100_000, FIVE_SHOTS, MIXED_FIVE_SHOTS),
    Row("siamese", "", 20, 1, 92.0, 100_000, {"pairs": "ranked"}, KOCH, "accuracy_on_lake"),
)
