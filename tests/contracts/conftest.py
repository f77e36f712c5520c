"""The contract suites: each runs over every plugin of its `KIND` that the registry knows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins import default_registry
from tests.helpers.videos import encode_video

CLASSES = ("vehicle", "traffic_sign")
SIZE = (96, 128)
N_FRAMES = 12
FPS = 10


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a suite's tests once for each plugin of its kind."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", default_registry().names(metafunc.module.KIND))


@pytest.fixture
def images() -> list[np.ndarray]:
    """Return frames on which a bright box moves over a textured ground."""
    ground = np.random.default_rng(0).integers(0, 120, (*SIZE, 3), dtype=np.uint8)
    drawn = []
    for i in range(N_FRAMES):
        image = cv2.GaussianBlur(ground, (0, 0), 1.5)
        cv2.rectangle(image, (10 + 3 * i, 30), (40 + 3 * i, 60), (40, 200, 230), -1)
        drawn.append(image)
    return drawn


@pytest.fixture
def stream(images) -> list[tuple[Frame, Detections]]:
    """Return frames with two objects in each: one that moves and one that stands."""
    made = []
    for i, image in enumerate(images):
        boxes = [[10 + 3 * i, 30, 41 + 3 * i, 61], [90, 5, 110, 25]]
        found = Detections(
            np.array(boxes, np.float32),
            np.array([0.9, 0.8], np.float32),
            np.array([0, 1], np.int64),
            CLASSES,
        )
        made.append((Frame(image, i, i / FPS, i, ""), found))
    return made


@pytest.fixture
def tracked(stream) -> list[tuple[Frame, Tracks]]:
    """Return the frames with the true identities."""
    return [(frame, Tracks(found, np.array([1, 2]))) for frame, found in stream]


@pytest.fixture
def info() -> StreamInfo:
    return StreamInfo("clip", CLASSES, SIZE, FPS, N_FRAMES)


@pytest.fixture
def video(tmp_path, images) -> Path:
    """Write the frames as a video."""
    return encode_video(tmp_path / "clip.mp4", images, fps=FPS, codec="mpeg4")


@pytest.fixture
def folder(tmp_path, images) -> Path:
    """Write the frames as images of a folder."""
    path = tmp_path / "images"
    path.mkdir()
    for i, image in enumerate(images):
        cv2.imwrite(str(path / f"{i:03d}.png"), image)
    return path


@pytest.fixture
def create(request, name) -> Callable[..., Any]:
    """Build the plugin of the suite's kind, with parameters."""

    def build(**params: Any) -> Any:
        return default_registry().create(request.module.KIND, name, **params)

    return build
