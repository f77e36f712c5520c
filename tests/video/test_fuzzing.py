"""Damaged videos, recordings and journals: read as far as they go, or refused with one message."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drivemeta.core import Detections, Frame
from drivemeta.plugins.scheduler.protocol import InferencePlan
from drivemeta.video.journal import NAME, Journal
from drivemeta.video.opening import open_source
from tests.helpers.bags import write_mcap
from tests.helpers.mutations import damaged, refusal
from tests.helpers.videos import encode_video

pytestmark = pytest.mark.slow

N_INPUTS = int(os.environ.get("DRIVEMETA_FUZZ_INPUTS", "3000"))  # of each kind
LIMIT_S = float(os.environ.get("DRIVEMETA_FUZZ_SECONDS", "20"))  # of each kind
MOST_FRAMES, N_FRAMES, SLOW_S = 60, 6, 20.0
CLASSES = ("vehicle", "stop")


def video(path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (N_FRAMES, 48, 64, 3), np.uint8)
    codec = {"codec": "mpeg4", "options": {}} if path.suffix == ".avi" else {}
    return encode_video(path, images, **codec)


MADE: dict[str, Callable[[Path], Path]] = {
    **dict.fromkeys(("mp4", "mkv", "avi", "ts"), video),
    "mcap": write_mcap,
}


def n_read(path: Path) -> int:
    """Return how many frames can be read, at most so many; each is a whole picture."""
    source = open_source(str(path))
    try:
        count = 0
        for frame in source:
            assert frame.image.ndim == 3
            assert np.isfinite(frame.time_s)
            count += 1
            if count == MOST_FRAMES:
                break
        source.counts()
        return count
    finally:
        source.close()


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.filterwarnings("ignore")  # of libraries, on what they read
def test_no_damaged_video_ends_in_another_exception(tmp_path: Path, kind: str) -> None:
    whole = MADE[kind](tmp_path / f"whole.{kind}").read_bytes()
    rng, started, frames = random.Random(f"drivemeta {kind}"), time.monotonic(), list[int]()
    path = tmp_path / f"damaged.{kind}"
    for number in range(N_INPUTS):
        path.write_bytes(damaged(whole, rng))
        begun = time.monotonic()
        said = refusal(lambda: frames.append(n_read(path)), number)
        assert len(said) < 2000, number
        assert time.monotonic() - begun < SLOW_S, number
        if time.monotonic() - started > LIMIT_S:
            break
    assert sum(frames)  # the damage is small enough to say something


def written(folder: Path) -> bytes:
    """Return a journal of some frames and commits."""
    rng, journal = np.random.default_rng(0), Journal(folder, {"model": "a"}, CLASSES)
    for index in range(6):
        boxes = np.sort(rng.uniform(0, 90, (2, 2, 2)), 1).reshape(2, 4).astype(np.float32)
        scores, labels = rng.uniform(0, 1, 2).astype(np.float32), np.array([0, 1], np.int64)
        frame = Frame(np.zeros((4, 4, 3), np.uint8), index, index / 10, index * 100)
        journal.frame(frame, InferencePlan("full"), Detections(boxes, scores, labels, CLASSES))
        journal.commit([index, index])
    journal.close()
    return journal.path.read_bytes()


def records_in(folder: Path) -> list[bytes]:
    """Return the boxes of each frame that a journal holds."""
    journal = Journal(folder, {"model": "a"}, CLASSES)
    found = [record.detections for record in journal.records]
    journal.close()
    return [b"" if each is None else each.boxes.tobytes() for each in found]


def test_a_damaged_journal_is_read_up_to_the_damage_or_refused(tmp_path: Path) -> None:
    whole = written(tmp_path)
    rng, started, n_whole = random.Random("drivemeta journal"), time.monotonic(), 0
    expected, path, opened = records_in(tmp_path), tmp_path / NAME, list[list[bytes]]()
    for number in range(N_INPUTS):
        path.write_bytes(damaged(whole, rng))
        said = refusal(lambda: opened.append(records_in(tmp_path)), number)
        assert not said or "--fresh" in said, number
        found = [] if said else opened[-1]
        assert found == expected[: len(found)], number
        n_whole += bool(found)
        if time.monotonic() - started > LIMIT_S:
            break
    assert n_whole
