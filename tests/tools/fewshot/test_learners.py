"""Learner plugins in the benchmark."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from drivemeta.adaptation.thing_layer import MixedKindsError
from drivemeta.errors import InputError
from tools.fewshot import learners
from tools.fewshot.learners import AdaptedBy


def test_the_super_class_is_told_only_where_it_is_asked_for(monkeypatch):
    asked, refused = [], MixedKindsError("say by --parent")

    def adapt(_base, support, _plugin, *, parent=None):
        asked.append(parent)
        if parent is None and support == "mixed":
            raise refused
        if support == "broken":
            raise InputError("no box")
        return SimpleNamespace(detector=SimpleNamespace(level2=None, bank="bank"))

    monkeypatch.setattr(learners, "adapt", adapt)
    for support in ("signs", "mixed"):
        assert AdaptedBy("reptile").learn(None, support, "traffic_sign").bank == "bank"
    assert asked == [None, None, "traffic_sign"]
    with pytest.raises(InputError, match="no box"):
        AdaptedBy("reptile").learn(None, "broken", "traffic_sign")
    assert asked[3:] == [None]
