"""By which super-class a new class is found, if by any, and how that is told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.evidence import Evidence
from drivemeta.banks.contrast import shipped_kind
from drivemeta.banks.replay import load_replay
from drivemeta.core import ClassBank
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import FLAT
from drivemeta.errors import InputError, suggest

NEW_KIND = "none"  # what `--parent` takes for it
FOUND_SHARE = 0.5
FEW = 3
# Score from which a box that is found counts in full.
STRONG = 0.5
# Share of the boxes, so counted, that the super-class must find which finds most.
WINNER_SHARE = 0.4
# Share that a finder of signs must find of a kind that ships as a thing, for it to be a sign.
SIGN_SHARE = 0.6
# How many boxes of a class all boxes of all classes weigh in whether it is missed.
COMMON_SHOTS = 1.5
# And in which super-class finds it.
COMMON_VOTES = 2
# So many classes of one super-class make one beside them that is not of it worth a word.
ODD_BESIDE = 3


def parents_of(
    bank: ClassBank, evidence: Evidence, asked: str | None, scoring: Scoring
) -> tuple[str | None, ...]:
    """Return the super-class below which level 2 knows each new class.

    It is the class itself for a new kind of object, whose look level 2 confirms; None where level 2
    has no say: for a super-class of the base, and for new kinds if things have no embedding.

    Args:
        bank: Class bank without the new classes.
        evidence: What is seen in the support frames.
        asked: Super-class of the new classes, `NEW_KIND`, or None to find it out.
        scoring: Constants of the detector.

    Raises:
        InputError: there is no such super-class.
    """
    supers = [spec.name for spec in bank.classes if spec.parent is None]
    if asked is not None and asked not in (*supers, NEW_KIND):
        raise InputError(
            f"--parent {asked}: no such super-class; {suggest(asked, [*supers, NEW_KIND])}"
        )
    boxes, parents = evidence.boxes, []
    for label, name in enumerate(evidence.labelled.names):
        known = bank.classes[bank.index(name)] if name in bank.names else None
        own = boxes.labels == label
        found = asked or finder_of(bank.names, boxes.roots, boxes.found, own)
        if asked is None and scoring.thing_scale > 0:
            parent = _shipped_parent(bank, name)
            if parent and not _surely_flat(bank.names, boxes.roots[own], boxes.found[own]):
                found = parent
        of = known.parent if known else None if found == NEW_KIND else found
        is_new = of is None and (known is None or known.origin == "novel")
        parents.append(name if is_new and scoring.thing_scale > 0 else of)
    return tuple(parents)


def _shipped_parent(bank: ClassBank, name: str) -> str | None:
    """Return the super-class of a kind that ships, whatever it is taken for in a few frames."""
    parent = load_replay().parent_of(shipped_kind(name))
    return parent if parent in bank.names else None


def _surely_flat(
    names: Sequence[str], roots: NDArray[np.int64], scores: NDArray[np.float32]
) -> bool:
    """Return whether boxes of a class are signs or lights, whatever else its name says.

    Args:
        names: Names of the bank's classes.
        roots: (n,) super-class that each of its boxes is found by, -1 for none.
        scores: (n,) of these detections, 0 for none.
    """
    flat = np.isin(roots, [names.index(name) for name in FLAT if name in names])
    return float((flat * np.minimum(scores / STRONG, 1)).mean()) >= SIGN_SHARE


def finder_of(
    names: Sequence[str],
    roots: NDArray[np.int64],
    scores: NDArray[np.float32],
    own: NDArray[np.bool_],
) -> str | None:
    """Return the super-class by which the base finds most boxes of a class, None if it misses them.

    A few boxes that are missed, or are weakly taken for something else, prove little where the
    classes adapted beside them are found: boxes vote by their scores, and all boxes of all classes
    together count as much as another two of its own, so that a single odd one is outvoted. But the
    super-class that wins must find two boxes of five, and a weak score counts in part only: one
    poor proposal among dogs makes no traffic light of them.

    Args:
        names: Names of the bank's classes.
        roots: (n,) super-class that each box of all classes is found by, -1 for none.
        scores: (n,) of these detections, 0 for none.
        own: (n,) which of the boxes are of the class.
    """
    if misses(roots, own):
        return None
    n, weights = int(own.sum()), np.where(roots < 0, 0, scores) * (own + COMMON_VOTES / len(own))
    winner = int(np.bincount(np.maximum(roots, 0), weights, len(names)).argmax())
    found = np.where(roots == winner, np.minimum(scores / STRONG, 1), 0)
    share = (found[own].sum() + COMMON_SHOTS * found.mean()) / (n + COMMON_SHOTS)
    outvoted = n < FEW and found[~own].sum() >= WINNER_SHARE * max((~own).sum(), 1)
    return names[winner] if share >= WINNER_SHARE or outvoted else None


def misses(roots: NDArray[np.int64], own: NDArray[np.bool_]) -> bool:
    """Return whether the base proposes nothing at most boxes of a class.

    Args:
        roots: (n,) super-class that each box of all classes is found by, -1 for none.
        own: (n,) which of the boxes are of the class.
    """
    missed, n = roots < 0, int(own.sum())
    share = (missed[own].sum() + COMMON_SHOTS * missed.mean()) / (n + COMMON_SHOTS)
    few = n < FEW and missed.mean() <= 1 - FOUND_SHARE
    return bool(share > 1 - FOUND_SHARE and not few)


def reason_of(
    before: ClassBank,
    evidence: Evidence,
    label: int,
    asked: str | None,
    parents: Sequence[str | None],
) -> str:
    """Return why a class is what it is, in a few words without its name.

    Args:
        before: Class bank without the new classes.
        evidence: What is seen in the support frames.
        label: Class of the support set.
        asked: Value of `--parent`, None where it was not given.
        parents: What `parents_of` made of all classes.
    """
    name, own = evidence.labelled.names[label], evidence.boxes.labels == label
    parent = None if parents[label] == name else parents[label]
    if name in before.names:
        known = before.classes[before.index(name)]
        return f"extends {name}, a kind of {known.parent}" if known.parent else f"extends {name}"
    if evidence.of_crops:
        return f"a kind of {parent}: plain crops, for which level 1 cannot be asked"
    if asked is not None:
        kind = "new kind of object" if parent is None else f"kind of {parent}"
        return f"a {kind}, as --parent says"
    seen, roots = _seen(before, evidence, own), evidence.boxes.roots[own]
    found_by = [before.names[root] for root in roots[roots >= 0]]
    if odd := odd_beside(evidence.labelled.names, parents, label, found_by):
        seen += f"; {odd}"
    if parent is None:
        return f"a new kind of object: {seen}"
    like = (
        f", as the {shipped_kind(name)} that ships"
        if _shipped_parent(before, name) == parent
        else ""
    )
    return f"a kind of {parent}{like}: {seen}"


def odd_beside(
    names: Sequence[str], parents: Sequence[str | None], label: int, found_by: Sequence[str]
) -> str | None:
    """Return what to ask of a class that differs from all beside it, or is like them unseen.

    Args:
        names: Names of the new classes.
        parents: Super-class of each; the class itself, or None, for a new kind of object.
        label: The class asked about.
        found_by: Super-classes that its own boxes are found by.
    """
    new = [parent in (None, name) for name, parent in zip(names, parents, strict=True)]
    others = [parents[i] for i in range(len(names)) if i != label and not new[i]]
    if len(others) < ODD_BESIDE or len(set(others)) > 1:
        return None
    common = others[0]
    if new[label]:
        return f"the classes beside it are kinds of {common}: if it is one, say --parent {common}"
    if parents[label] == common and common not in found_by:
        return f"as all classes beside it are: if it is no {common}, adapt it by itself"
    return None


def _seen(before: ClassBank, evidence: Evidence, own: NDArray[np.bool_]) -> str:
    """Return how many boxes of a class are found, as what, and how well."""
    roots, scores = evidence.boxes.roots[own], evidence.boxes.found[own]
    parts = []
    for root in sorted(set(roots[roots >= 0].tolist()), key=lambda r: -(roots == r).sum()):
        mine = scores[roots == root]
        parts.append(f"{len(mine)} as {before.names[root]} (score {np.median(mine):.2f})")
    if not parts:
        return f"the base finds none of its {len(roots)} boxes"
    return f"of {len(roots)} boxes the base finds {', '.join(parts)}"
