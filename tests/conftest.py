"""Settings of all tests."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from tests.helpers.detectors import make_lively
from tests.helpers.support import write_support
from tests.helpers.videos import draw_frame, encode_video

collect_ignore = ["helpers/ros2_round_trip.py"]  # for an interpreter that has rclpy

# Examples take no time of their own; a busy machine must not fail them.
settings.register_profile("default", deadline=None, max_examples=50)
settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, so that all processes end at about one time."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Spread the tests of `--dist loadfile`."""
    from tests.helpers.spreading import Spread

    return Spread(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session", autouse=True)
def own_cache(request, tmp_path_factory):
    """Keep the user's cache folder out of the tests; the workers of a run share theirs."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if hasattr(request.config, "workerinput") else folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield


@pytest.fixture(scope="session")
def lively_detector():
    """A small untrained detector whose scores, classes and boxes vary: see `make_lively`."""
    return make_lively()


@pytest.fixture(scope="session")
def tiny_model(lively_detector, tmp_path_factory):
    """The path of `lively_detector` as an ONNX file."""
    from drivemeta.export.exporter import export_detector

    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    export_detector(lively_detector, path, learner="protonet", support_digest="0" * 64)
    return path


@pytest.fixture
def write_video(tmp_path) -> Callable[..., Path]:
    """Write a video whose frames are shown at the given milliseconds."""

    def write(
        times_ms: Sequence[int],
        name: str = "clip.mp4",
        size: tuple[int, int] = (120, 160),
        options: dict[str, str] | None = None,
    ) -> Path:
        images = (draw_frame(index, size) for index in range(len(times_ms)))
        return encode_video(tmp_path / name, images, times_ms, fps=25, options=options or {})

    return write


@pytest.fixture
def make_support(tmp_path: Path):
    """Return a function that writes a support set: so many frames with one sign of each class."""
    return partial(write_support, tmp_path)
