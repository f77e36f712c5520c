"""Which learner is taken where none is named: by shots, as measured in docs/learners.md."""

from __future__ import annotations

import numpy as np

from drivemeta.data.support import SupportSet

# Least number of shots a class, and the learner from there on.
BY_SHOTS = ((1, "protonet"), (10, "reptile"))
EXTENSIBLE = "protonet"


def learner_for(support: SupportSet, *, extensible: bool = False) -> str:
    """Return the name of the learner for a support set.

    Args:
        support: Support set, whose classes' median number of boxes decides.
        extensible: Whether classes are added to an adapted model, which a novel branch would end.
    """
    if extensible:
        return EXTENSIBLE
    labels = np.concatenate([image.labels[~image.ignore] for image in support.images])
    shots = np.median(np.bincount(labels, minlength=len(support.classes)))
    return [name for least, name in BY_SHOTS if shots >= least or least == 1][-1]
