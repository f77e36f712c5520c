"""Classes that are fed to a detector while a video runs are in the frames that follow."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

import drivemeta as dm
from drivemeta.core import BankRows, ClassBank, ClassSpec, Frame
from drivemeta.core.stream import StreamInfo
from drivemeta.export.probe_scene import draw_scene
from drivemeta.plugins.source.protocol import SourceCounts
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.video.api import run
from drivemeta.video.builder import run_context
from drivemeta.video.options import Options
from tests.helpers.pipelines import pipeline_of

N, FED_AT = 30, 4
SCENE = np.ascontiguousarray(draw_scene()[:192, :256])


class Still:
    """A source that shows one scene over and over."""

    def info(self) -> StreamInfo:
        return StreamInfo("still", (), (192, 256), 10.0, N)

    def __iter__(self) -> Iterator[Frame]:
        for index in range(N):
            yield Frame(SCENE, index, index / 10)

    def counts(self) -> SourceCounts:
        return SourceCounts()

    def close(self) -> None:
        pass


@pytest.fixture
def detector(tiny_model) -> OnnxDetector:
    return OnnxDetector(tiny_model, provider="cpu")


@pytest.fixture
def wider(lively_detector) -> ClassBank:
    """The bank with one more class, which wins wherever leaf0 did."""
    bank = lively_detector.bank
    row = BankRows(
        bank.crop.weights[:1], bank.crop.biases[:1] - 0.5, np.array([11]), bank.crop.roots[:1]
    )
    spec = ClassSpec("falling_rocks", bank.classes[3].name, "novel", threshold=0.1)
    return ClassBank((*bank.classes, spec), bank.dense, bank.crop + row)


def turned(bank: ClassBank) -> ClassBank:
    """Return the bank with its leaves in the opposite order."""
    order = np.array([*range(5), *range(len(bank.classes) - 1, 4, -1)])
    owners = np.where(bank.crop.owners < 0, -1, np.argsort(order)[bank.crop.owners])
    classes = tuple(bank.classes[i] for i in order)
    return ClassBank(classes, bank.dense, replace(bank.crop, owners=owners))


@pytest.mark.parametrize("tracker", ["none", "botsort"])
def test_later_frames_have_the_class_that_was_fed(detector, lively_detector, wider, tracker):
    options, seen = Options(tracker=tracker, min_score=0.001), []
    for frame, tracks in dm.process(Still(), detector, options):
        seen.append(tracks.detections)
        if frame.index == FED_AT:
            detector.set_bank(wider)
    assert seen[0].classes == lively_detector.bank.names
    assert "falling_rocks" not in seen[0].names
    assert seen[-1].classes == wider.names
    assert "falling_rocks" in seen[-1].names
    assert sorted(detector([SCENE], 0.001)[0].scores) == sorted(seen[-1].scores)


def test_the_classes_that_are_kept_are_kept_by_name(detector, lively_detector):
    names = detector([SCENE], 0.001)[0].names
    wanted = max({name for name in names if name.startswith("leaf")}, key=names.count)
    options, seen = Options(tracker="none", min_score=0.001, classes=(wanted,)), []
    for frame, tracks in dm.process(Still(), detector, options):
        seen.append(tracks.detections)
        if frame.index == FED_AT:
            detector.set_bank(turned(lively_detector.bank))
    assert seen[-1].classes == turned(lively_detector.bank).names != seen[0].classes
    assert seen[0].names == seen[-1].names == [wanted] * names.count(wanted)


class Kept:
    """A sink that keeps what it is given."""

    def open(self, info, resume_at) -> None:
        self.info, self.classes = info, []

    def write(self, frame, tracks) -> None:
        self.classes.append(tracks.detections.classes)

    def commit(self) -> int:
        return 0

    def close(self) -> list:
        return []

    def abort(self) -> None:
        pass


def test_sinks_see_the_classes_of_each_frame(detector, lively_detector, wider):
    def feed(so_far, _total) -> None:
        if so_far.frames == FED_AT:
            detector.set_bank(wider)

    sink = Kept()
    summary = run(Still(), pipeline_of(detector, tracker="none", min_score=0.001), [sink], feed)
    assert sink.info.classes == sink.classes[0] == lively_detector.bank.names
    assert sink.classes[-1] == wider.names
    assert summary.detections["falling_rocks"] > 0


def test_trackers_are_told_the_family_of_a_class_that_was_fed(detector, wider):
    context = run_context(detector, Options())
    assert "falling_rocks" not in context.families
    detector.set_bank(wider)
    assert context.families["falling_rocks"] == wider.classes[3].name
    assert dict(context.families) == detector.families


def test_the_small_model_gives_way_where_it_lacks_the_classes(detector, tiny_model, wider):
    pipeline = pipeline_of(detector, small_model=str(tiny_model), min_score=0.001)
    assert pipeline.small([SCENE])[0].classes == detector.classes
    detector.set_bank(wider)
    assert pipeline.small([SCENE])[0].classes == wider.names
