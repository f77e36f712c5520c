"""Results that are kept as files, one a base, method, seed and shot count: a killed run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from drivemeta.evaluation.fewshot import Trial
from drivemeta.evaluation.matching import HIT, IGNORED, Matches
from drivemeta.files import write_text

PARTS = ("novel", "roads")


class TrialStore:
    """Keeps the trials of one method on one base and protocol.

    Args:
        folder: Folder of all methods; None keeps nothing.
        identity: All that the trials depend on, as JSON values.
    """

    def __init__(self, folder: Path | None, identity: dict[str, Any]) -> None:
        text = json.dumps(identity, sort_keys=True)
        self._folder = folder and folder / hashlib.sha256(text.encode()).hexdigest()[:16]
        if self._folder is not None:
            write_text(self._folder / "identity.json", text + "\n")

    def trial(
        self, seed: int, n_shots: int, make: Callable[[], dict[str, Trial]]
    ) -> dict[str, Trial]:
        """Return the trials by part (`novel`, `roads`), made now or read."""
        if self._folder is None:
            return make()
        path = self._folder / f"seed-{seed}-shots-{n_shots}.json"
        if not path.is_file():
            made = {part: _to_json(trial) for part, trial in make().items()}
            write_text(path, json.dumps(made) + "\n")
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {part: _from_json(content) for part, content in kept.items()}


def trimmed(matches: Matches) -> Matches:
    """Leave out what no average precision depends on: ignored ones, and misses after all hits."""
    counted = np.flatnonzero(matches.outcomes != IGNORED)
    hits = np.flatnonzero(matches.outcomes[counted] == HIT)
    kept = counted[: hits[-1] + 1 if len(hits) else 0]
    return Matches(
        matches.images[kept], matches.scores[kept], matches.outcomes[kept], matches.n_truth
    )


def matches_to_json(matches: Mapping[str, Matches]) -> dict[str, Any]:
    """Return the matches of some classes as JSON values, trimmed."""
    return {
        name: {
            "images": short.images.tolist(),
            "scores": [round(float(score), 6) for score in short.scores],
            "outcomes": short.outcomes.tolist(),
            "n_truth": short.n_truth.tolist(),
        }
        for name, short in ((name, trimmed(found)) for name, found in matches.items())
    }


def matches_from_json(content: Mapping[str, Any]) -> dict[str, Matches]:
    """Return the matches of some classes from what `matches_to_json` made of them."""
    return {
        name: Matches(
            np.array(found["images"], np.int64),
            np.array(found["scores"], np.float32),
            np.array(found["outcomes"], np.int64),
            np.array(found["n_truth"], np.int64),
        )
        for name, found in content.items()
    }


def _to_json(trial: Trial) -> dict[str, Any]:
    return {
        "seed": trial.seed,
        "query": trial.query.tolist(),
        "seconds": trial.seconds,
        "matches": matches_to_json(trial.matches),
    }


def _from_json(content: dict[str, Any]) -> Trial:
    query = np.array(content["query"], np.int64)
    matches = matches_from_json(content["matches"])
    return Trial(content["seed"], query, matches, content["seconds"])
