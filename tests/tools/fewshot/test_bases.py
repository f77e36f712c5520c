"""The bases that are adapted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivemeta.banks.named import NamedBank, available_banks, load_bank, save_bank
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.paths import NAMED_BANKS
from tools.fewshot.bases import Base, banks_in


@pytest.fixture
def banks(tmp_path: Path) -> Path:
    """A folder with one bank."""
    rows = np.eye(2, 4, dtype=np.float32)
    save_bank(tmp_path / "rocks.safetensors", NamedBank("vehicle", ("a", "b"), rows))
    return tmp_path


def test_named_banks_come_from_a_folder_for_a_while(banks: Path) -> None:
    before = available_banks()
    with banks_in(banks):
        assert available_banks() == ("rocks",)
        assert load_bank("rocks").names == ("a", "b")
    assert available_banks() == before
    assert load_bank("signs").parent == "traffic_sign"


def test_what_is_measured_is_kept_by_the_banks_too(
    lively_detector: TwoLevelDetector, banks: Path
) -> None:
    base = Base("seen abroad", lively_detector, lively_detector, NAMED_BANKS)
    assert replace(base, name="another").key == base.key
    assert replace(base, banks=banks).key != base.key


def test_what_is_measured_in_int8_is_kept_apart(lively_detector: TwoLevelDetector) -> None:
    base = Base("seen abroad", lively_detector, lively_detector, NAMED_BANKS)
    other = lively_detector.with_()
    int8 = replace(base, int8=other)
    assert int8.key != base.key
    assert (base.scored, int8.scored) == (lively_detector, other)
