"""Another row for a class that level 1 has: it may find more of it, never raise false alarms."""

from __future__ import annotations

import numpy as np

from drivemeta.adaptation.base_places import Places, places_beside
from drivemeta.adaptation.dense_rows import embed_locations, learnt
from drivemeta.adaptation.evidence import Evidence
from drivemeta.core import ClassBank
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import sigmoid
from drivemeta.core.scoring import Scoring
from drivemeta.models.detector import TwoLevelDetector

MARGIN = 1e-4


def learn_beside(
    base: TwoLevelDetector, bank: ClassBank, evidence: Evidence, label: int, owner: int
) -> tuple[FloatArray, float]:
    """Learn a row for a class that has rows already, at the threshold it has.

    The row is learnt as that of a new kind is. Its bias is then at least so great that it takes no
    place of something else, neither in the support frames, nor in those given as negatives, nor
    among those that ship: a place is taken where the class would be reported, and was not before.

    Args:
        base: Its level 1 is run over the support frames.
        bank: Classes and rows there are.
        evidence: The frames and boxes.
        label: Class of the support set.
        owner: The same class in the bank.

    Returns:
        The (dim,) float32 unit row and its bias.
    """
    found = embed_locations(base, evidence, label).beside(evidence.elsewhere)
    row, bias = learnt(found, base.scoring.dense_scale)
    places = Places(found.background, found.quality), places_beside(base.level1, bank.names[owner])
    least = [least_bias(row, seen, bank, owner, base.scoring) for seen in places]
    return row, max(bias, *least)


def least_bias(
    row: FloatArray, places: Places, bank: ClassBank, owner: int, scoring: Scoring
) -> float:
    """Return the least bias of a row at which a class raises no further false alarm on places.

    Args:
        row: (dim,) unit vector.
        places: What shows something else than the class.
        bank: Classes and rows there are.
        owner: Class of the row.
        scoring: Constants.
    """
    rows, quality = bank.dense, places.quality.numpy()
    logits = places.embeddings.numpy() @ rows.weights.T - rows.biases  # (n, n_rows), unscaled
    best, winner = logits.max(1, initial=-np.inf), rows.roots[logits.argmax(1)]
    least = _thresholds(bank)
    reported = best >= _needed(quality, least[winner], scoring)
    needed = _needed(quality, least[bank.roots[owner]], scoring)
    # A place is taken by a row that is better than all others there, and good enough to be
    # reported; where another class is reported, being better is enough to hide it.
    cap = np.where(reported, best, np.maximum(best, needed))
    taken = places.embeddings.numpy() @ row - cap
    alarms = reported & (winner == bank.roots[owner])
    return float(taken[~alarms].max(initial=-np.inf)) + MARGIN


def _needed(
    quality: FloatArray, threshold: FloatArray | np.float32, scoring: Scoring
) -> FloatArray:
    """Return the (n,) unscaled logits of a row that places are reported from, inf for never."""
    power = scoring.quality_power
    p = (threshold / sigmoid(quality) ** power) ** (1 / (1 - power))
    within = np.clip(p, 1e-6, 1 - 1e-6)
    logits = np.log(within / (1 - within)) / scoring.dense_scale
    return np.asarray(np.where(p < 1, logits, np.inf), np.float32)


def _thresholds(bank: ClassBank) -> FloatArray:
    """Return the least score at which each class or a kind of it is reported, (n_classes,)."""
    least = bank.thresholds.copy()
    np.minimum.at(least, bank.roots, bank.thresholds)
    return least
