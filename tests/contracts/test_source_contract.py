"""What every source keeps to."""

from itertools import islice, pairwise

import numpy as np
import pytest

from drivemeta.errors import DriveMetaError, InputError
from drivemeta.plugins import default_registry
from drivemeta.plugins.parameters import parameters
from drivemeta.plugins.source.protocol import SourceCounts

KIND = "source"


def recording(path, folder):
    """Write the images of a folder as an MCAP recording, by the sink that makes such."""
    import cv2

    from drivemeta.core import Detections, Frame, Tracks
    from drivemeta.core.run import RunContext
    from drivemeta.core.stream import StreamInfo

    sink = default_registry().create(
        "sink", "mcap", context=RunContext(path.parent), name=path.name
    )
    nothing = Tracks.untracked(Detections.empty(()))
    sink.open(StreamInfo("clip", (), (96, 128), 10.0), 0)
    for i, file in enumerate(sorted(folder.iterdir())):
        sink.write(Frame(cv2.imread(str(file)), i, i / 10), nothing)
    (written,) = sink.close()
    return written


def stacked(path, images):
    """Write the images as one array of NumPy."""
    np.save(path, np.stack(images))
    return path


@pytest.fixture
def source(name, create, video, folder, images, tmp_path):
    """Open the plugin on the prepared clip, or with its own defaults if it needs no file."""
    places = {
        "bag": lambda: recording(tmp_path / "clip.mcap", folder),
        "images": lambda: folder,
        "glob": lambda: folder / "*.png",
        "synthetic": lambda: 7,
    }
    manifest = default_registry().find(KIND, name).manifest
    if ".npy" in manifest.suffixes:
        places[name] = lambda: stacked(tmp_path / "clip.npy", images)
    opened = create(**{manifest.place: str(places.get(name, lambda: video)())})
    yield opened
    opened.close()


def first(source, n: int = 5) -> list:
    return list(islice(source, n))


def test_it_describes_itself(source):
    info = source.info()
    assert info.name
    assert info.classes == ()
    assert info.fps > 0
    assert info.n_frames is None or info.n_frames > 0
    assert min(info.frame_size) > 0


def test_frames_are_those_described(source):
    info = source.info()
    for frame in first(source):
        assert frame.size == info.frame_size
        assert frame.image.dtype == np.uint8


def test_indices_ascend_from_0_and_time_goes_on(source):
    frames = first(source)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    times = [frame.time_s for frame in frames]
    assert times[0] == pytest.approx(0, abs=0.1)
    assert all(a < b for a, b in pairwise(times))


def test_as_many_frames_as_told(source):
    n = source.info().n_frames
    if n is None or n > 50:
        pytest.skip("too long to read to its end")
    assert sum(1 for _ in source) == n


def test_frames_are_not_overwritten_by_later_ones(source):
    iterator = iter(source)
    one = next(iterator)
    kept = one.image.copy()
    next(iterator)
    np.testing.assert_array_equal(one.image, kept)


def test_reading_again_starts_anew(source):
    if source.info().live:
        pytest.skip("a live source does not come back")
    if "once" in (type(source).__doc__ or ""):
        pytest.skip("says that it reads once")
    one, two = first(source, 3), first(source, 3)
    assert [frame.index for frame in two] == [0, 1, 2]
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.image, b.image)


def test_what_it_counts_is_known_at_any_time(source):
    assert source.counts() == SourceCounts()
    first(source)
    assert source.counts() == SourceCounts()
    source.close()
    assert source.counts() == SourceCounts()


def test_closing_twice_is_allowed(source):
    first(source, 2)
    source.close()
    source.close()


def test_closing_before_reading_is_allowed(source):
    source.close()


def test_what_is_not_there_is_told(name, create, tmp_path):
    if "path" not in parameters(default_registry().load(KIND, name)):
        pytest.skip("reads no file")
    with pytest.raises(DriveMetaError, match="nothing"):
        first(create(path=tmp_path / "nothing.mp4"))


def test_an_unknown_parameter_is_told(create):
    with pytest.raises(InputError, match="no parameter"):
        create(pth="x")
