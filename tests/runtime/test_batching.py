"""Frames gathered over streams: in order, in time, and with the results of single calls."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from drivemeta.core import Detections
from drivemeta.errors import InputError
from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime import OnnxDetector
from drivemeta.runtime.batching import Batcher

NONE = Detections(
    np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), ("a",)
)


class Recorder:
    """Answers with as many boxes as the frame's first pixel says, and notes the batches."""

    def __init__(self, gate=None):
        self.batches, self.gate = [], gate

    def __call__(self, frames):
        if self.gate is not None:
            self.gate.wait(5)
        self.batches.append([int(f[0, 0, 0]) for f in frames])
        return [answer(int(f[0, 0, 0])) for f in frames]


def answer(n):
    boxes = np.tile(np.array([[0, 0, 1, 1]], np.float32), (n, 1))
    return Detections(boxes, np.ones(n, np.float32), np.zeros(n, np.int64), ("a",))


def frame(n, size=(4, 4)):
    return np.full((*size, 3), n, np.uint8)


def test_frames_that_wait_together_run_together():
    gate = threading.Event()
    recorder = Recorder(gate)
    with Batcher(recorder, max_batch=3, max_delay_s=10) as batcher:
        results = [batcher.submit(frame(n)) for n in range(6)]
        gate.set()
        assert [len(r.result(5)) for r in results] == list(range(6))
    assert recorder.batches == [[0, 1, 2], [3, 4, 5]]
    assert (batcher.count.n_calls, batcher.count.n_frames) == (2, 6)


def test_a_lone_frame_waits_no_longer_than_the_deadline():
    recorder = Recorder()
    with Batcher(recorder, max_batch=8, max_delay_s=0.05) as batcher:
        start = time.monotonic()
        assert len(batcher.submit(frame(2)).result(5)) == 2
        assert time.monotonic() - start >= 0.04
    assert recorder.batches == [[2]]
    assert 0.04 <= batcher.count.longest_wait_s < 4


def test_sizes_run_apart_and_all_come_back():
    gate = threading.Event()
    recorder = Recorder(gate)
    with Batcher(recorder, max_batch=4, max_delay_s=0) as batcher:
        results = [batcher.submit(frame(n, (4, 4 + n % 2))) for n in range(6)]
        gate.set()
        assert [len(r.result(5)) for r in results] == list(range(6))
    assert all(len({n % 2 for n in batch}) == 1 for batch in recorder.batches)


def test_too_many_frames_wait_at_the_door():
    gate = threading.Event()
    batcher = Batcher(Recorder(gate), max_batch=1, max_delay_s=0, max_pending=2)
    with batcher, ThreadPoolExecutor(1) as pool:
        all_in = pool.submit(lambda: [batcher.submit(frame(1)) for _ in range(5)])
        time.sleep(0.1)
        assert not all_in.done()
        gate.set()
        assert [len(r.result(5)) for r in all_in.result(5)] == [1] * 5


def test_an_error_reaches_those_of_its_batch_only():
    def fail_on_seven(frames):
        if any(f[0, 0, 0] == 7 for f in frames):
            raise InputError("seven")
        return [NONE for _ in frames]

    with Batcher(fail_on_seven, max_batch=1, max_delay_s=0) as batcher:
        good, bad, after = (batcher.submit(frame(n)) for n in (1, 7, 2))
        assert good.result(5) is NONE
        with pytest.raises(InputError, match="seven"):
            bad.result(5)
        assert after.result(5) is NONE


def stop(frames):
    raise SystemExit(3)


def count_down(frames):
    yield NONE
    raise InputError("half-way")


@pytest.mark.parametrize(
    ("detect", "error"),
    [
        (lambda frames: [], InputError),
        (lambda frames: [NONE] * 3, InputError),
        (lambda frames: None, TypeError),
        (count_down, InputError),
        (stop, SystemExit),
    ],
)
def test_whatever_a_detector_does_everybody_hears_of_it(detect, error):
    with Batcher(detect, max_batch=2, max_delay_s=1) as batcher:
        for _ in range(2):  # and the next frames are taken
            waiting = [batcher.submit(frame(n)) for n in (1, 2)]
            for each in waiting:
                assert isinstance(each.exception(5), error)


def test_what_is_no_frame_is_refused_at_once():
    with Batcher(Recorder()) as batcher:
        with pytest.raises(InputError, match="found NoneType"):
            batcher.submit(None)
        assert len(batcher.submit(frame(1)).result(5)) == 1


def test_closing_finishes_what_was_submitted_and_takes_no_more():
    batcher = Batcher(Recorder(), max_batch=4, max_delay_s=10)
    results = [batcher.submit(frame(1)) for _ in range(3)]
    batcher.close()
    batcher.close()
    assert [len(r.result(0)) for r in results] == [1, 1, 1]
    with pytest.raises(InputError, match="closed"):
        batcher.submit(frame(1))


def test_a_cancelled_frame_is_left_out():
    gate = threading.Event()
    recorder = Recorder(gate)
    with Batcher(recorder, max_batch=1, max_delay_s=0) as batcher:
        first, second, third = (batcher.submit(frame(n)) for n in (1, 2, 3))
        time.sleep(0.05)
        assert second.cancel()
        gate.set()
        assert (len(first.result(5)), len(third.result(5))) == (1, 3)
    assert recorder.batches == [[1], [3]]


@pytest.mark.parametrize("settings", [{"max_batch": 0}, {"max_delay_s": -1}, {"max_pending": 0}])
def test_numbers_that_cannot_be(settings):
    with pytest.raises(InputError, match="at least"):
        Batcher(Recorder(), **settings)


def test_several_streams_get_what_single_calls_give(tiny_model):
    detector = OnnxDetector(tiny_model, provider="cpu", threads=1)
    streams = [[draw_scene((90, 160), 10 * s + i) for i in range(4)] for s in range(3)]
    expected = [[detector([f])[0] for f in frames] for frames in streams]
    with Batcher(detector, max_batch=3, max_delay_s=0.2) as batcher:

        def watch(frames):
            return [batcher.submit(f).result(30) for f in frames]

        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(watch, streams))
    assert batcher.count.n_calls < batcher.count.n_frames == 12
    for mine, theirs in zip(found, expected, strict=True):
        for one, other in zip(mine, theirs, strict=True):
            assert one.names == other.names
            np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
