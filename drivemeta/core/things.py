"""Two embeddings, one for signs and lights, and one for things: vehicles, people, all else.

Signs differ in what is drawn where, a layout that 64 pixels show. Things differ in build and parts,
seen from all sides: they are cut larger, and embedded by a network that has seen many of them. Rows
of both are of one length and lie in one bank; the super-class below which a row competes says which
embedding it is compared with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drivemeta.core.bank import ClassBank
from drivemeta.core.scoring import Scoring

THING_DIM = 128
FLAT = ("traffic_light", "traffic_sign")  # super-classes whose kinds differ by their layout


def is_thing(names: tuple[str, ...], scoring: Scoring) -> NDArray[np.bool_]:
    """Return which super-classes are embedded as things.

    Args:
        names: (n,) names of super-classes, in the order of their labels; names of leaves may stand
            among them, and mean nothing.
        scoring: Constants of the model.
    """
    return np.array([scoring.thing_scale > 0 and name not in FLAT for name in names], np.bool_)


def things_by_label(names: tuple[str, ...], n_labels: int, scoring: Scoring) -> NDArray[np.bool_]:
    """Return (n_labels,) which labels a graph embeds as things: those that come later all are.

    Args:
        names: Names of the classes that the graph is built for.
        n_labels: Number of classes that it has room for.
        scoring: Constants of the model.
    """
    things = np.full(n_labels, scoring.thing_scale > 0)
    things[: len(names)] = is_thing(names, scoring)
    return things


def seen_otherwise(
    bank: ClassBank, names: tuple[str, ...], n_labels: int, scoring: Scoring
) -> int | None:
    """Return the first super-class with rows that a graph would embed wrongly, None if all is well.

    Args:
        bank: Classes and rows to be fed to it, at most so many.
        names: Names of the classes that the graph is built for.
        n_labels: Number of classes that it has room for.
        scoring: Constants of the model.
    """
    roots = np.unique(bank.crop.roots)
    built, wanted = things_by_label(names, n_labels, scoring), is_thing(bank.names, scoring)
    wrong = roots[built[roots] != wanted[roots]]
    return int(wrong[0]) if len(wrong) else None
