"""What is known of a detector of the user's own that stands in a base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from drivemeta.core.bank import ClassBank

APART = 4.0  # more than cosines and biases differ by: see `models/own.py`


@dataclass(frozen=True)
class Tried:
    """One way to read the file, tried on images.

    Attributes:
        layout: Name of the layout plugin.
        choices: What the file does not state, as this way takes it.
        figure: How well it did, see `drivemeta.own.trial`; higher is better.
        best: Greatest score of a box.
        n_boxes: Boxes found an image.
    """

    layout: str
    choices: Mapping[str, str]
    figure: float
    best: float
    n_boxes: float


@dataclass(frozen=True)
class OwnFacts:
    """A detector of the user's own, as the manifest of its base tells it.

    Attributes:
        source: Name of its file.
        digest: SHA-256 of that file.
        licence: Licence of its weights as stated on import; empty if it was not.
        layout: Name of the layout plugin that reads it.
        why: By what the file was recognised.
        choices: What the file does not state, by name, as the trial found it.
        size: Height and width of its input in pixels.
        fit: How frames are fitted into it.
        finds: Super-classes that it finds, with the names of its own classes that they are made of.
        scale: Inverse temperature by which its scores stand in dense embeddings.
        alone: Whether level 1 is left out.
        one_by_one: Whether it runs frame by frame inside a batch.
        tried_on: What the ways to read it were tried on.
        tried: All ways that were tried, the best first.
    """

    source: str
    digest: str
    licence: str
    layout: str
    why: str
    choices: Mapping[str, str]
    size: tuple[int, int]
    fit: str
    finds: Mapping[str, tuple[str, ...]]
    scale: float
    alone: bool = False
    one_by_one: bool = False
    tried_on: str = ""
    tried: tuple[Tried, ...] = field(default=())

    @property
    def n_columns(self) -> int:
        """Columns of a dense embedding that are its own: one a super-class, and one for itself."""
        return len(self.finds) + 1

    def named_by(self, bank: ClassBank) -> OwnFacts:
        """Return the facts with its super-classes called as those of its rows in a bank are."""
        rows, found = bank.dense, {}
        first = rows.weights.shape[1] - self.n_columns
        for column, (name, classes) in enumerate(self.finds.items(), first):
            mine = np.flatnonzero((rows.weights[:, column] == 1) & (rows.biases == APART))
            found[bank.names[rows.owners[mine[0]]] if len(mine) else name] = classes
        return replace(self, finds=found)
