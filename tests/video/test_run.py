"""A run into sinks: an error inside one comes out and leaves nothing finished."""

import threading
from pathlib import Path

import pytest

from drivemeta.core import Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import PluginError
from drivemeta.plugins import default_registry
from drivemeta.video.api import run
from drivemeta.video.opening import open_source
from tests.helpers.pipelines import pipeline_of


class FullDisk:
    """A sink that takes three frames."""

    def open(self, info: StreamInfo, resume_at: int) -> None:
        self.classes = info.classes

    def write(self, frame: Frame, tracks: Tracks) -> None:
        if frame.index == 3:
            raise OSError("the disk is full")

    def commit(self) -> int:
        return 3

    def close(self) -> list[Path]:
        return []

    def abort(self) -> None:
        pass


def test_files_that_are_no_paths_are_the_sinks_fault(write_video, tiny_model):
    class Named(FullDisk):
        def write(self, frame: Frame, tracks: Tracks) -> None:
            pass

        def close(self) -> list[str]:
            return ["detections.txt"]

    source = open_source(write_video(range(0, 80, 40)))
    with pytest.raises(PluginError, match="expected `close` to give a Path, found a str"):
        run(source, pipeline_of(tiny_model, tracker="none"), [Named()])


def test_an_error_of_a_sink_comes_out_and_nothing_looks_finished(write_video, tiny_model, tmp_path):
    before, out = set(threading.enumerate()), tmp_path / "run"
    registry = default_registry()
    sinks = [registry.create("sink", name, context=RunContext(out)) for name in ("mp4", "jsonl")]
    source = open_source(write_video(range(0, 800, 40)))
    with pytest.raises(PluginError, match=r"FullDisk of .*failed in `write`.*the disk is full"):
        run(source, pipeline_of(tiny_model, tracker="none"), [*sinks, FullDisk()])
    assert set(threading.enumerate()) <= before
    assert not {"annotated.mp4", "detections.jsonl"} & {path.name for path in out.iterdir()}


def test_a_sink_that_cannot_even_be_aborted_keeps_no_other_from_it(write_video, tiny_model):
    aborted = []

    class Stuck(FullDisk):
        def abort(self) -> None:
            raise LookupError("no such file")

    class Watched(FullDisk):
        def abort(self) -> None:
            aborted.append(self)

    sinks = [Stuck(), Watched()]
    source = open_source(write_video(range(0, 800, 40)))
    with pytest.raises(PluginError, match="the disk is full") as caught:
        run(source, pipeline_of(tiny_model, tracker="none"), sinks)
    assert aborted == sinks[1:]
    (note,) = caught.value.__notes__
    assert "Stuck of " in note
    assert "failed in `abort`" in note
    assert note.endswith("LookupError: no such file")
