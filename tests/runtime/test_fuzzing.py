"""Damaged models: refused with one message, or their digest says that they are what they were."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import numpy as np
import pytest

from drivemeta.runtime.detector import OnnxDetector
from tests.helpers.mutations import damaged, refusal
from tests.helpers.small_model import small_model

N_INPUTS = int(os.environ.get("DRIVEMETA_FUZZ_INPUTS", "3000"))
LIMIT_S = float(os.environ.get("DRIVEMETA_FUZZ_SECONDS", "20"))
FRAME = np.zeros((32, 48, 3), np.uint8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_no_damaged_model_ends_in_another_exception(tmp_path: Path) -> None:
    whole, path = small_model().SerializeToString(), tmp_path / "damaged.onnx"
    rng, started, refused = random.Random("drivemeta model"), time.monotonic(), 0
    for number in range(N_INPUTS):
        path.write_bytes(damaged(whole, rng))
        begun = time.monotonic()
        said = refusal(lambda: OnnxDetector(path, provider="cpu", threads=1)([FRAME]), number)
        assert len(said) < 3000, number
        refused += bool(said)
        assert time.monotonic() - begun < 20, number
        if time.monotonic() - started > LIMIT_S:
            break
    assert refused
