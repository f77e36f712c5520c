"""Banks that change while other threads detect: each call sees one of them whole."""

import pickle  # noqa: TID251  (as multiprocessing does, of what we made ourselves)
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest

from drivemeta.core import ClassSpec
from drivemeta.runtime import OnnxDetector
from drivemeta.runtime.batching import Batcher
from drivemeta.runtime.replay import Replay
from drivemeta.runtime.slicing import Sliced
from drivemeta.video.builder import run_context
from drivemeta.video.options import Options
from tests.helpers.echo_model import CAPACITY, echo_model, tagged_bank, tags_of

N_BANKS, N_CALLS, N_THREADS = 7, 20_000, 3
FRAME, OTHER = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)


@pytest.fixture
def detector(tmp_path):
    path = tmp_path / "echo.onnx"
    path.write_bytes(echo_model())
    made = OnnxDetector(path, provider="cpu", threads=1)
    made.set_bank(tagged_bank(0))
    return made


@pytest.fixture
def restless():
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


def under_changing_banks(detector, detect, n_calls, frames=(FRAME,)):
    """Return the banks that each call saw, while another thread sets one after the other."""
    banks, done = [tagged_bank(tag) for tag in range(N_BANKS)], threading.Event()

    def change():
        n = 0
        while not done.wait(2e-4):
            n += 1
            detector.set_bank(banks[n % N_BANKS])

    def work(_):
        return [tags_of(detect(frames)) for _ in range(n_calls // N_THREADS)]

    with ThreadPoolExecutor(N_THREADS + 1) as pool:
        changing = pool.submit(change)
        try:
            seen = [each for calls in pool.map(work, range(N_THREADS)) for each in calls]
        finally:
            done.set()
        changing.result()
    assert len(set(seen)) > 1  # the banks did change meanwhile
    return seen


def test_calls_under_changing_banks_see_one_bank_each(detector, restless):
    seen = under_changing_banks(detector, detector, N_CALLS)
    assert [each for each in seen if len(each) != 1] == []


def test_frames_of_several_sizes_are_of_one_bank(detector, restless):
    seen = under_changing_banks(detector, detector, 400, (FRAME, OTHER))
    assert [each for each in seen if len(each) != 1] == []


def test_tiles_of_a_frame_are_of_one_bank(detector, restless):
    seen = under_changing_banks(detector, Sliced(detector, (2, 2)), 400)
    assert [each for each in seen if len(each) != 1] == []


def test_frames_gathered_from_threads_are_of_one_bank(detector, restless):
    with Batcher(detector, max_delay_s=0) as batcher:
        seen = under_changing_banks(detector, lambda f: [batcher.submit(f[0]).result()], 400)
    assert [each for each in seen if len(each) != 1] == []


def test_names_and_families_are_of_the_last_bank(detector):
    detector.set_bank(tagged_bank(2))
    assert detector.classes == ("2_0", "2_1", "2_2")
    assert dict(detector.families) == {name: name for name in detector.classes}


def test_a_class_of_the_bank_before_keeps_its_super_class(detector):
    families = run_context(detector, Options()).families
    assert families["0_0"] == "0_0"
    kinds = (ClassSpec("sign"), ClassSpec("rocks", "sign"))
    detector.set_bank(replace(tagged_bank(1), classes=kinds))
    assert (families["rocks"], families["0_0"]) == ("sign", "0_0")
    detector.set_bank(tagged_bank(2))
    assert families["rocks"] == "sign"  # frames that saw it may be under way
    assert "rocks" not in detector.families


def test_a_detector_travels_to_another_process_with_its_bank(detector):
    detector.set_bank(tagged_bank(3))
    again = pickle.loads(pickle.dumps(detector))
    assert again.provider == "cpu"
    assert again.classes == detector.classes
    assert tags_of(again([FRAME])) == {3}


def test_families_are_those_of_the_bank_that_was_set(detector):
    bank = tagged_bank(2)
    first, second, third = bank.classes
    classes = (replace(first, parent=None), replace(second, parent=first.name), third)
    detector.set_bank(replace(bank, classes=classes))
    assert dict(detector.families) == {
        first.name: first.name,
        second.name: first.name,
        third.name: third.name,
    }


def test_replayed_calls_of_several_threads_take_turns(restless):
    session = ort.InferenceSession(echo_model(), providers=["CPUExecutionProvider"])
    replay = Replay(session, ("scores",), "cpu")

    def mistaken(tag):
        thresholds = np.full(CAPACITY, tag / 10, np.float32)
        found = [replay.run(FRAME[None], {"thresholds": thresholds})[0] for _ in range(300)]
        return sum(round(float(scores[0, 2])) != tag for scores in found)

    with ThreadPoolExecutor(N_THREADS) as pool:
        assert list(pool.map(mistaken, range(N_THREADS))) == [0] * N_THREADS
