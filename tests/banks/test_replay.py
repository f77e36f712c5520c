"""Things that ship beside the base, as embeddings."""

import numpy as np
import pytest

from drivemeta.banks.replay import Replay, load_replay, save_replay
from drivemeta.errors import ModelFileError

EYE = np.eye(4, dtype=np.float32)
REPLAY = Replay(
    ("car", "van", "person"), ("vehicle", "vehicle", "pedestrian"), EYE, np.array([0, 1, 1, 2])
)


def test_what_is_written_is_read_back(tmp_path):
    save_replay(tmp_path / "replay.safetensors", REPLAY)
    found = load_replay(tmp_path / "replay.safetensors")
    assert (found.kinds, found.parents) == (REPLAY.kinds, REPLAY.parents)
    np.testing.assert_array_equal(found.of(1), EYE[1:3])


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
