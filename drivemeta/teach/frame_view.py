"""What the page draws on one frame: proposals, and what is found by the classes known."""

from __future__ import annotations

from typing import Any

import numpy as np

from drivemeta.core import ClassBank
from drivemeta.core.scoring import Scoring
from drivemeta.teach.found import find, name_rows
from drivemeta.teach.located import level1_scores, locate_rows
from drivemeta.teach.seen import Rows


def view_of(rows: Rows, base: ClassBank, bank: ClassBank, scoring: Scoring) -> dict[str, Any]:
    """Return what there is in a frame as JSON values.

    Args:
        rows: Rows of the frame.
        base: Bank that they were seen by.
        bank: The same with what was learnt.
        scoring: Constants of the score rule.
    """
    if not len(rows):
        return {"proposals": [], "found": []}
    scores, winners = level1_scores(rows, base, scoring)
    supers = base.dense.owners[winners]
    proposals = [_shown(*each, base) for each in zip(rows["box"], scores, supers, strict=True)]
    found = find(name_rows(locate_rows(rows, base, bank, scoring), bank, scoring), bank)
    told = np.flatnonzero(found.told)
    order = told[np.argsort(-found.scores[told], kind="stable")]
    shown = zip(found.boxes[order], found.scores[order], found.labels[order], strict=True)
    return {"proposals": proposals, "found": [_shown(*each, bank) for each in shown]}


def _shown(box: Any, score: Any, label: Any, bank: ClassBank) -> dict[str, Any]:
    xyxy = [round(float(side), 1) for side in box]
    return {"xyxy": xyxy, "score": round(float(score), 3), "name": bank.names[int(label)]}
