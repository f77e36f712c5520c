"""Settings of all tests."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings

from drivemeta.data.support import SupportSet
from tests.helpers.detectors import make_lively
from tests.helpers.videos import draw_frame, encode_video

# Examples take no time of their own; a busy machine must not fail them.
settings.register_profile("default", deadline=None, max_examples=50)
settings.load_profile("default")


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


BOX = (60, 40, 48, 48)


@pytest.fixture
def make_support(tmp_path: Path):
    """Return a function that writes a support set: so many frames with one sign of each class."""

    def make(n: int, *names: str) -> SupportSet:
        rng = np.random.default_rng(0)
        images, annotations = [], []
        for i in range(n * len(names)):
            label = i % len(names)
            image = rng.integers(60, 120, (192, 256, 3), dtype=np.uint8)
            x, y, width, height = BOX
            centre = (x + width // 2, y + height // 2)
            cv2.circle(image, centre, width // 2, (20 + 200 * label, 40, 230 - 200 * label), -1)
            cv2.imwrite(str(tmp_path / f"{i}.png"), image)
            images.append({"id": i, "file_name": f"{i}.png", "height": 192, "width": 256})
            annotations.append(
                {"id": i, "image_id": i, "category_id": label, "bbox": BOX, "area": 48 * 48}
            )
        categories = [{"id": i, "name": name} for i, name in enumerate(names)]
        coco = {"images": images, "annotations": annotations, "categories": categories}
        path = tmp_path / "support.json"
        path.write_text(json.dumps(coco))
        return SupportSet.from_coco(path)

    return make
