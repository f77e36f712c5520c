"""The pipeline: every frame once, in order; errors come out; no thread stays."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError, PluginError, VideoError
from drivemeta.plugins import default_registry
from drivemeta.plugins.scheduler.protocol import InferencePlan, Outcome
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.video.journal import Record
from drivemeta.video.pipeline import Pipeline
from tests.helpers.videos import draw_frame, find_boxes

SIZE = (120, 160)


class Drawn:
    """A source of `n` drawn frames that fails after them if told to."""

    def __init__(self, n: int, error: Exception | None = None) -> None:
        self.n, self.error, self.closed = n, error, False

    def info(self) -> StreamInfo:
        return StreamInfo("drawn", (), SIZE, 10.0, self.n)

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.n):
            yield Frame(draw_frame(index, SIZE), index, index / 10)
        if self.error:
            raise self.error

    def counts(self) -> SourceCounts:
        return SourceCounts()

    def close(self) -> None:
        self.closed = True


def build(detect=find_boxes, *, tracker: str = "none", every: int = 1, batch: int = 1, keep=None):
    registry = default_registry()
    return Pipeline(
        detect,
        registry.create("tracker", tracker),
        registry.create("scheduler", "fixed", context=RunContext(every=every)),
        batch,
        keep,
    )


@pytest.fixture(autouse=True)
def _no_thread_stays():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("batch", [1, 4, 7, 50])
def test_every_frame_comes_once_and_in_order(batch):
    results = list(build(batch=batch).run(Drawn(30)))
    assert [frame.index for frame, _ in results] == list(range(30))
    assert all(len(tracks) == 2 for _, tracks in results)


def test_batches_change_nothing():
    single, batched = (
        [tracks.detections.boxes for _, tracks in build(batch=n).run(Drawn(12))] for n in (1, 5)
    )
    np.testing.assert_array_equal(single, batched)


def test_the_network_sees_no_more_frames_at_once_than_a_batch():
    seen = []

    def detect(frames):
        seen.append(len(frames))
        return find_boxes(frames)

    list(build(detect, batch=4).run(Drawn(10)))
    assert seen == [4, 4, 2]


@pytest.mark.parametrize("batch", [1, 4])
def test_between_looks_the_tracks_are_carried(batch):
    seen = []

    def detect(frames):
        seen.extend(frames)
        return find_boxes(frames)

    results = list(build(detect, every=3, batch=batch).run(Drawn(10)))
    assert len(results) == 10
    assert len(seen) == 4
    boxes = [tracks.detections.boxes[0, 0] for _, tracks in results]
    assert boxes[0] == boxes[1] == boxes[2] < boxes[3] == boxes[5] < boxes[6]


def test_kept_rows_only():
    results = list(build(keep=lambda found: found.labels == 1).run(Drawn(3)))
    assert all(tracks.detections.names == ["sign"] for _, tracks in results)


@pytest.mark.parametrize("tracker", ["bytetrack", "botsort"])
def test_a_moving_box_keeps_its_identity(tracker):
    results = list(build(tracker=tracker).run(Drawn(20)))
    later = np.array([tracks.ids for _, tracks in results[5:]])
    assert (later >= 0).all()
    assert (later == later[0]).all()
    assert later[0, 0] != later[0, 1]


def test_an_error_of_the_source_comes_out_after_its_frames():
    source, seen = Drawn(5, VideoError("the cable is out")), []
    with pytest.raises(VideoError, match="cable"):
        seen.extend(frame.index for frame, _ in build().run(source))
    assert seen == [0, 1, 2, 3, 4]
    assert source.closed


def test_an_error_of_the_detector_comes_out():
    def detect(frames):
        raise ArithmeticError("no")

    source = Drawn(100)
    with pytest.raises(ArithmeticError, match="no"):
        list(build(detect).run(source))
    assert source.closed


def test_an_error_of_the_tracker_comes_out():
    class Broken:
        def update(self, detections: Detections, frame: Frame) -> Tracks:
            raise LookupError("lost")

        def reset(self) -> None:
            pass

    source = Drawn(100)
    pipeline = Pipeline(find_boxes, Broken(), default_registry().create("scheduler", "fixed"))
    with pytest.raises(PluginError, match=r"Broken of .*failed in `update`.*LookupError: lost"):
        list(pipeline.run(source))
    assert source.closed


def test_what_is_no_tracks_is_the_trackers_fault():
    class Naked:
        def update(self, detections: Detections, frame: Frame) -> Detections:
            return detections

        def reset(self) -> None:
            pass

    pipeline = Pipeline(find_boxes, Naked(), default_registry().create("scheduler", "fixed"))
    with pytest.raises(PluginError, match="expected `update` to give a Tracks, found a Detec"):
        list(pipeline.run(Drawn(3)))


def test_what_is_no_plan_is_the_schedulers_fault():
    class Named(Chosen):
        def act(self, state) -> str:
            return "full"

    pipeline = Pipeline(find_boxes, default_registry().create("tracker", "none"), Named())
    with pytest.raises(PluginError, match="expected `act` to give an InferencePlan, found a str"):
        list(pipeline.run(Drawn(3)))


def test_what_is_no_frame_is_the_sources_fault():
    class Bare(Drawn):
        def __iter__(self):
            yield draw_frame(0, SIZE)

    with pytest.raises(PluginError, match="expected `__iter__` to give a Frame, found a ndarray"):
        list(build().run(Bare(3)))


def test_stopping_early_stops_everything():
    source = Drawn(1000)
    results = build().run(source)
    assert next(results)[0].index == 0
    results.close()
    assert source.closed


def test_a_slow_consumer_is_waited_for_with_bounded_memory():
    made = []

    class Counted(Drawn):
        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                made.append(frame.index)
                yield frame

    results = build().run(Counted(500))
    next(results)
    threading.Event().wait(0.3)
    assert len(made) < 40
    results.close()


def test_workers_keep_the_order_and_never_idle_behind_a_slow_frame():
    at_once, most, lock = [0], [0], threading.Lock()

    def detect(frames):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.02 if frames[0][0, 0, 0] % 2 else 0.001)
        with lock:
            at_once[0] -= 1
        return find_boxes(frames)

    pipeline = replace(build(detect), workers=3)
    results = list(pipeline.run(Drawn(40)))
    assert [frame.index for frame, _ in results] == list(range(40))
    assert most[0] == 3
    assert pipeline.clock.frames["infer"] == 40


class Hurried(Drawn):
    """A live source that gives all its frames before the first is looked at."""

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.given = threading.Event()

    def info(self) -> StreamInfo:
        return replace(super().info(), n_frames=None, live=True)

    def __iter__(self) -> Iterator[Frame]:
        yield from super().__iter__()
        self.given.set()


def test_of_a_live_source_the_oldest_frames_give_way_to_the_newest():
    source = Hurried(50)

    def detect(frames):
        assert source.given.wait(10)
        return find_boxes(frames)

    pipeline = build(detect)
    seen = [frame.index for frame, _ in pipeline.run(source)]
    assert seen == sorted(seen)
    assert seen[-7:] == list(range(43, 50))  # one of the eight that waited made room for the end
    assert len(seen) + pipeline.clock.dropped == 50
    assert len(seen) < 15


OTHER = {"time_s": {"time_s": 9.9}, "pts": {"pts": 77}, "index": {"index": 3}}


@pytest.mark.parametrize("what", OTHER)
def test_another_frame_than_that_of_the_unfinished_run_is_refused(what):
    found = [find_boxes([draw_frame(i, SIZE)])[0] for i in range(3)]
    records = [Record(i, i / 10, None, InferencePlan("full"), found[i]) for i in range(3)]
    past = dict(enumerate(records))
    assert len(list(replace(build(), past=past).run(Drawn(5)))) == 5
    past[2] = replace(records[2], **OTHER[what])
    with pytest.raises(InputError, match=r"frame 2: expected the one of the unfinished run"):
        list(replace(build(), past=past).run(Drawn(5)))


class Stalled(Drawn):
    """A live source that gives three frames and then waits until it is closed."""

    def __init__(self) -> None:
        super().__init__(3)
        self.told = threading.Event()

    def info(self) -> StreamInfo:
        return replace(super().info(), n_frames=None, live=True)

    def __iter__(self) -> Iterator[Frame]:
        yield from super().__iter__()
        self.told.wait()

    def close(self) -> None:
        self.told.set()


def test_a_live_source_that_stalls_can_be_left():
    results = build().run(Stalled())
    assert next(results)[0].index == 0
    leaving = threading.Thread(target=results.close, daemon=True)  # a hang must not hang pytest
    leaving.start()
    leaving.join(10)
    assert not leaving.is_alive()


def test_workers_change_nothing_but_time():
    one, three = (
        [tracks.ids for _, tracks in replace(build(tracker="botsort"), workers=n).run(Drawn(15))]
        for n in (1, 3)
    )
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_error_of_one_worker_comes_out_after_the_frames_before_it():
    def detect(frames):
        if len(seen) == 20:
            raise VideoError("no more")
        seen.append(1)
        return find_boxes(frames)

    seen, given = [], []
    results = replace(build(detect), workers=2).run(Drawn(40))
    with pytest.raises(VideoError, match="no more"):
        given.extend(frame.index for frame, _ in results)
    assert given == list(range(len(given)))
    assert len(given) >= 19


class Chosen:
    """A scheduler that goes through modes and keeps what it is told."""

    def __init__(self, *modes: str) -> None:
        self.modes, self.states, self.outcomes = modes, [], {}

    def reset(self, stream: StreamInfo) -> None:
        self.stream = stream

    def act(self, state) -> InferencePlan:
        self.states.append(state)
        return InferencePlan(self.modes[state.frame_index % len(self.modes)])

    def observe(self, frame_index: int, outcome: Outcome) -> None:
        self.outcomes[frame_index] = outcome


@pytest.mark.parametrize("batch", [1, 4])
def test_each_mode_has_its_detector_and_the_scheduler_is_told(batch):
    seen = {"full": [], "small": [], "sliced": []}

    def detector(mode):
        def detect(images):
            time.sleep(0.002)
            seen[mode] += images
            return find_boxes(images)

        return detect

    scheduler = Chosen("full", "small", "skip", "sliced")
    tracker = default_registry().create("tracker", "bytetrack")
    pipeline = Pipeline(detector("full"), tracker, scheduler, batch)
    pipeline = replace(pipeline, small=detector("small"), sliced=detector("sliced"))
    assert len(list(pipeline.run(Drawn(12)))) == 12
    assert {mode: len(images) for mode, images in seen.items()} == dict.fromkeys(seen, 3)
    assert [scheduler.outcomes[i].plan.mode for i in range(4)] == list(scheduler.modes)
    assert [scheduler.outcomes[i].latency_s > 0 for i in range(4)] == [True, True, False, True]
    last = scheduler.states[-1]
    assert last.latency_s > 0
    assert 0 < max(state.difference for state in scheduler.states) < 1
    assert scheduler.states[0].difference == 0
    if batch == 1:
        assert last.n_tracks > 0
        assert last.mean_age > 0
        assert 0 < last.mean_score <= 1
