"""The halves of the Italian scenes."""

from __future__ import annotations

import json

import numpy as np

from tools.fewshot.protocols import HALVES


def test_halves_share_no_image() -> None:
    halves = json.loads(HALVES.read_text())
    first, second = set(halves["A"]), set(halves["B"])
    assert not first & second
    assert np.isclose(len(first), len(second), atol=20)
