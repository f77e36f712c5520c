"""Lake's twenty one-shot runs, and the same with what he chose for them drawn at random.

Lake, Salakhutdinov, Tenenbaum, 2015: ten alphabets of the evaluation set, twenty characters of
each, two pairs of drawers. Which, stands in `lake_runs.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from drivemeta.errors import InputError
from drivemeta.files import read_yaml
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.training.meta.image_tasks import LARGEST
from drivemeta.training.meta.omniglot import Indices, read_omniglot

RUNS = Path(__file__).with_name("lake_runs.yaml")
N_DRAWERS = 20
Trials = Literal["lake", "lake_drawers", "lake_characters"]
# Episodes of each kind of trials.
N_TRIALS: dict[Trials, int] = {"lake": 20, "lake_drawers": 600, "lake_characters": 600}


@dataclass(frozen=True)
class LakeRun:
    """One run.

    Attributes:
        alphabet: Name of the alphabet.
        characters: Numbers of its characters, from 1.
        drawers: Numbers from 1 of who drew the support and who the query.
    """

    alphabet: str
    characters: tuple[int, ...]
    drawers: tuple[int, int]


@cache
def lake_runs() -> tuple[LakeRun, ...]:
    """Return the runs in Lake's order."""
    alphabets = read_yaml(RUNS)
    return tuple(
        LakeRun(alphabet, tuple(of["characters"]), (known, asked))
        for alphabet, of in alphabets.items()
        for known, asked in of["runs"]
    )


class LakeTrials:
    """Episodes of Lake's runs, in turn.

    Args:
        omniglot: `omniglot28.npz`.
        trials: `lake` for the runs as they are; `lake_drawers` for any two drawers of the twenty,
            `lake_characters` for as many characters of the alphabet, too, at random.

    Raises:
        InputError: the file cannot be read.
    """

    def __init__(self, omniglot: Path, trials: Trials) -> None:
        names = ("bits", "alphabet", "character")
        self._path, self._trials = omniglot, trials
        self._images, self._alphabets, self._characters = read_omniglot(omniglot, *names)
        self.seek(0)

    def seek(self, iteration: int) -> None:
        """Begin a trial; what is drawn depends on its number alone."""
        self._run = lake_runs()[iteration % len(lake_runs())]
        self._rng = np.random.default_rng(iteration)

    def episode(self) -> Episode:
        """Return twenty characters, each drawn by two drawers.

        Raises:
            InputError: the file lacks characters of the run.
        """
        run = self._run
        classes, (known, asked) = self._classes(run), run.drawers
        if self._trials != "lake":
            known, asked = self._rng.permutation(N_DRAWERS)[:2] + 1
        labels = torch.arange(len(classes))
        return Episode(
            self._drawn(classes, known), labels, self._drawn(classes, asked), labels, len(classes)
        )

    def _classes(self, run: LakeRun) -> Indices:
        of_alphabet = np.flatnonzero(self._alphabets == run.alphabet)
        names = [f"character{number:02d}" for number in run.characters]
        chosen = of_alphabet[np.isin(self._characters[of_alphabet], names)]
        if len(chosen) != len(names):
            raise InputError(
                f"{self._path}: expected {len(names)} characters of Lake's runs of {run.alphabet}, "
                f"found {len(chosen)}"
            )
        if self._trials == "lake_characters":
            return self._rng.choice(of_alphabet, len(names), replace=False)
        return chosen

    def _drawn(self, classes: Indices, drawer: int) -> Tensor:
        """Return (n, 1, height, width) float images of one drawer, ink 1."""
        return torch.from_numpy(self._images[classes, drawer - 1])[:, None].float() / LARGEST
