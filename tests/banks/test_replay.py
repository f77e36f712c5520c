"""Things that ship beside the base, as embeddings."""

import numpy as np
import pytest

from drivemeta.banks.replay import PARENTS, ThingReplay, load_replay
from drivemeta.errors import ModelFileError

EYE = np.eye(4, dtype=np.float32)
REPLAY = ThingReplay(
    ("car", "van", "person"), ("vehicle", "vehicle", "pedestrian"), EYE, np.array([0, 1, 1, 2])
)


def test_what_ships_is_read():
    shipped = load_replay()
    assert shipped.parents[shipped.kinds.index("bus")] == "vehicle"
    assert shipped.parents[shipped.kinds.index("umbrella")] == ""
    assert set(shipped.kinds) >= PARENTS.keys()
    np.testing.assert_allclose(np.linalg.norm(shipped.embeddings, axis=1), 1, rtol=1e-5)
    assert min(np.bincount(shipped.labels)) >= 10


def test_kinds_can_be_left_out():
    rest = REPLAY.without(("van",))
    assert (rest.kinds, rest.parents) == (("car", "person"), ("vehicle", "pedestrian"))
    np.testing.assert_array_equal(rest.of(1), EYE[[3]])


@pytest.mark.parametrize("content", [None, b"", b"not safetensors"])
def test_a_missing_or_damaged_file_is_told(tmp_path, content):
    path = tmp_path / "replay.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"replay\.safetensors"):
        load_replay(path)
