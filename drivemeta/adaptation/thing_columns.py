"""The columns in which new things are compared, and the things that ship as they look there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from drivemeta.adaptation.evidence import Evidence
from drivemeta.banks.replay import ThingReplay, load_replay
from drivemeta.core.things import THING_DIM
from drivemeta.plugins.learner.last_layer import LastLayer


@dataclass(frozen=True, eq=False)
class ThingColumns:
    """Where rows of things lie.

    Attributes:
        store: Things that ship, in these columns.
        first: First of the columns.
    """

    store: ThingReplay
    first: int = 0


def columns_of(evidence: Evidence) -> ThingColumns:
    """Return those of the embedding of things, or of the adapted layer behind it."""
    store, layer = load_replay(), evidence.things_through
    return ThingColumns(store) if layer is None else ThingColumns(_through(layer, store), THING_DIM)


@lru_cache(maxsize=4)
def _through(layer: LastLayer, store: ThingReplay) -> ThingReplay:
    with torch.no_grad():
        embeddings = layer(torch.from_numpy(store.embeddings)).numpy()
    return replace(store, embeddings=np.asarray(embeddings, np.float32))
