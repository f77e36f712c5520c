"""One stream into one folder: everything is built once, from the registry that was handed in."""

from pathlib import Path

import pytest

from drivemeta.errors import InputError
from drivemeta.plugins import Registry
from drivemeta.plugins.discovery import discover
from drivemeta.video import builder
from drivemeta.video.api import process
from drivemeta.video.job import Job
from drivemeta.video.options import Options

OVERLAP = Path(__file__).parents[1] / "example_plugin" / "drivemeta_example" / "overlap"


class Counted(Registry):
    """A registry that keeps what it was asked to build."""

    def __init__(self, *paths: Path) -> None:
        super().__init__(discover(paths))
        self.built: list[str] = []

    def create(self, kind, plugin_name, /, **params):
        self.built.append(f"{kind} {plugin_name}")
        return super().create(kind, plugin_name, **params)


@pytest.fixture
def clip(write_video) -> str:
    return str(write_video(range(0, 400, 40)))


@pytest.fixture
def job(clip, tiny_model, tmp_path) -> Job:
    options = Options(tracker="bytetrack", provider="cpu")
    return Job(clip, tmp_path / "run", tiny_model, ("jsonl", "csv"), options, registry=Counted())


def test_each_part_is_built_once(job, tiny_model, monkeypatch):
    loaded = []

    class Watched(builder.OnnxDetector):
        def __init__(self, path, **options) -> None:
            loaded.append(path)
            super().__init__(path, **options)

    monkeypatch.setattr(builder, "OnnxDetector", Watched)
    options = Options(**{**vars(job.options), "small_model": str(tiny_model)})
    Job(**{**vars(job), "options": options}).run()
    assert loaded == [str(tiny_model)]
    assert sorted(job.registry.built) == [
        "scheduler fixed",
        "sink csv",
        "sink jsonl",
        "source file",
        "tracker bytetrack",
    ]


def test_nothing_is_written_where_the_pipeline_cannot_be_built(job):
    wrong = Job(**{**vars(job), "options": Options(classes=("no_such_class",))})
    with pytest.raises(InputError, match="no_such_class"):
        wrong.run()
    assert not wrong.out.exists()


def test_nothing_is_written_where_no_frame_comes(job):
    sinks = ("mp4", "jsonl", "csv", "coco", "mot", "events", "snapshots")
    wrong = Job(**{**vars(job), "sinks": sinks, "options": Options(start_s=50.0, tracker="none")})
    with pytest.raises(InputError, match="--start: expected a time in the source"):
        wrong.run()
    assert not wrong.out.exists()


def test_a_sink_that_is_named_twice_is_refused_before_anything_is_written(job):
    twice = ("jsonl", "csv", "jsonl")
    with pytest.raises(InputError, match="each sink once, found jsonl more than once in jsonl,csv"):
        Job(**{**vars(job), "sinks": twice}).run()
    assert not job.out.exists()


def test_a_second_run_into_one_folder_is_refused(job):
    refusals = []

    def second(summary, total):
        with pytest.raises(InputError, match="another run is writing into") as refused:
            job.run()
        refusals.append(refused)

    assert job.run(second).frames == 10
    assert len(refusals) == 10
    assert not (job.out / ".lock").exists()
    assert len((job.out / "detections.jsonl").read_text().splitlines()) == 10


def test_no_other_registry_is_made(job, clip, tiny_model, tmp_path, monkeypatch):
    registry = Counted(OVERLAP)

    def found(_paths):
        raise AssertionError("the plugins were looked for again")

    monkeypatch.setattr("drivemeta.plugins.registry.discover", found)
    options = Options(tracker="overlap", provider="cpu")
    Job(clip, tmp_path / "run", tiny_model, ("jsonl",), options, registry=registry).run()
    assert sum(1 for _ in process(clip, tiny_model, options, registry)) == 10
    assert registry.built.count("tracker overlap") == 2
