"""A base, models of its bank, and videos that tests index."""

from pathlib import Path

import numpy as np
import pytest

from drivemeta.archive.base_facts import BaseFacts
from drivemeta.archive.engine import Processes
from drivemeta.archive.index import index
from drivemeta.archive.places import find_videos
from drivemeta.archive.store import open_archive, open_or_make
from drivemeta.archive.worker import WorkerSettings
from drivemeta.export.edit_classes import edit_model
from drivemeta.export.exporter import export_detector
from drivemeta.export.probe_scene import draw_scene
from drivemeta.plugins.registry import default_registry
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.archives import InProcess, build_base, with_more_classes
from tests.helpers.small_model import small_model
from tests.helpers.videos import encode_video

LEAST = 0.3  # a random level 1 finds hundreds


@pytest.fixture(scope="session")
def base(lively_detector):
    return build_base(lively_detector)


@pytest.fixture(scope="session")
def models(base, tmp_path_factory):
    """Write the base, or what an edit of its bank makes of it, once; return the path."""
    folder = tmp_path_factory.mktemp("models")
    root = folder / "base.onnx"
    export_detector(base, root)

    def write(name="base", bank=None):
        path = folder / f"{name}.onnx"
        if not path.exists():
            edit_model(root, path, lambda _: bank)
        return path

    return write


@pytest.fixture(scope="session")
def base_model(models):
    return models()


@pytest.fixture(scope="session")
def adapted_model(base, models):
    """A model with a new leaf of signs and two of vehicles."""
    return models("both", with_more_classes(base).bank)


def scenes(n, seed=0, size=(96, 160)):
    """Yield frames of a scene that moves, another one each second."""
    for i in range(n):
        yield np.roll(draw_scene(size, seed=seed + i // 10), 2 * (i % 10), 1)


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Path:
    """A folder of two videos, of 150 and 30 frames at 10 a second, key frames each second."""
    folder = tmp_path_factory.mktemp("clips")
    for name, n in (("long", 150), ("short", 30)):
        options = {"preset": "ultrafast", "g": "10"}
        encode_video(folder / f"{name}.mp4", scenes(n, len(name)), fps=10, options=options)
    return folder


@pytest.fixture(scope="session")
def quick_base(tmp_path_factory):
    """A base whose networks give constants: what is indexed by it takes no time."""
    path = tmp_path_factory.mktemp("quick") / "base.onnx"
    path.write_bytes(small_model().SerializeToString())
    return path


@pytest.fixture(scope="session")
def make_archive(quick_base):
    """Index places into a new archive at one frame a second; return it and the report."""

    def make(out, *places, engine=None, fps=1.0, jobs=0, base_model=quick_base):
        file = read_model_file(base_model)
        open_or_make(out, BaseFacts.of(file, LEAST), fps, "base.onnx")
        settings = WorkerSettings(str(out), str(base_model), "cpu", threads=1)
        engine = engine or (Processes(settings, jobs) if jobs else InProcess(settings))
        videos, _ = find_videos([str(place) for place in places], default_registry())
        report = index(videos, engine, engine if jobs == 0 else InProcess(settings))
        return open_archive(out), report

    return make


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    """Segments of four seconds, so that a clip of a test has several."""
    monkeypatch.setattr("drivemeta.archive.segments.SEGMENT_S", 4.0)


def _of_clips(make_archive, clips, out, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drivemeta.archive.segments.SEGMENT_S", 4.0)
        archive, report = make_archive(out, clips, **options)
    assert not report.problems
    return archive


@pytest.fixture(scope="session")
def archive_of_clips(make_archive, clips, tmp_path_factory):
    """The archive of the two clips by the quick base; no test changes it."""
    return _of_clips(make_archive, clips, tmp_path_factory.mktemp("archive") / "a")


@pytest.fixture(scope="session")
def lively_archive(make_archive, clips, base_model, tmp_path_factory):
    """The archive of the two clips by the lively base; no test changes it."""
    out = tmp_path_factory.mktemp("archive") / "lively"
    return _of_clips(make_archive, clips, out, base_model=base_model)
