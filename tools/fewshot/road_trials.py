"""Trials on the roads, kept as files: a killed run goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drivemeta.evaluation.fewshot import Estimate, Trial, difference, estimate
from drivemeta.evaluation.matching import Matches
from drivemeta.files import write_text
from tools.fewshot.road_methods import RoadDraw
from tools.fewshot.store import matches_from_json, matches_to_json

CHANGE_ROUNDS = 100  # of the bootstrap of what hardly changes


@dataclass(frozen=True, eq=False)
class RoadTrial:
    """One kind learnt from one draw by one method, and scored.

    Attributes:
        seed: Seed of the draw.
        matches: Matches of the kind, and of the classes beside it.
        alarmed: Share of the frames without the kind in which it is reported; None without a
            threshold.
        facts: Further facts, JSON values.
    """

    seed: int
    matches: Mapping[str, Matches]
    alarmed: float | None
    facts: Mapping[str, Any]

    def as_trial(self) -> Trial:
        """Return it as the estimates take it."""
        n_images = len(next(iter(self.matches.values())).n_truth)
        return Trial(self.seed, np.arange(n_images), self.matches, 0.0)


class RoadStore:
    """Keeps trials in a folder.

    Args:
        folder: Folder of all that was measured with one embedding of things.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, method: str, draw: RoadDraw) -> RoadTrial | None:
        """Return a trial that was made before."""
        path = self._path(method, draw)
        if not path.is_file():
            return None
        kept = json.loads(path.read_text(encoding="utf-8"))
        matches = matches_from_json(kept["matches"])
        return RoadTrial(draw.seed, matches, kept["alarmed"], kept["facts"])

    def write(self, method: str, draw: RoadDraw, trial: RoadTrial) -> None:
        """Keep a trial."""
        kept = {
            "matches": matches_to_json(trial.matches),
            "alarmed": trial.alarmed,
            "facts": dict(trial.facts),
        }
        write_text(self._path(method, draw), json.dumps(kept) + "\n")

    def _path(self, method: str, draw: RoadDraw) -> Path:
        return self._folder / method / f"{draw.kind}-{draw.shots}-shots-seed-{draw.seed}.json"


def cell(kind: str, trials: Sequence[RoadTrial], alone: RoadTrial) -> dict[str, Any]:
    """Return the figures of one kind, method and number of shots, in percent.

    Args:
        kind: Kind.
        trials: Trials, one a seed.
        alone: What the base finds without the kind.
    """
    mine = [trial.as_trial() for trial in trials]
    found: dict[str, Any] = {"seeds": len(trials), "ap50": _percent(estimate(mine, [kind]))}
    alarmed = [100 * trial.alarmed for trial in trials if trial.alarmed is not None]
    if alarmed:
        found["alarms"] = [round(float(np.mean(alarmed)), 2), round(max(alarmed), 2)]
        found["grades"] = [str(trial.facts["grade"]) for trial in trials]
        found["parents"] = [str(trial.facts["parent"]) for trial in trials]
        before = [alone.as_trial()] * len(mine)
        for name in alone.matches:
            found[name] = _percent(difference(mine, before, [name], CHANGE_ROUNDS))
    return found


def _percent(found: Estimate) -> list[float]:
    return [round(100 * value, 2) for value in (found.mean, found.low, found.high)]
