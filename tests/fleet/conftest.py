"""A cluster of two nodes on this machine, and what is looked at on it."""

import shutil
import warnings
from pathlib import Path

import pytest

from tests.helpers.small_model import small_model
from tests.helpers.videos import draw_frame, encode_video

ROOT = Path(__file__).parents[2]
N_CLIPS = 20


@pytest.fixture(scope="package")
def material(tmp_path_factory):
    """A base that takes no time, and twenty clips of three seconds."""
    folder = tmp_path_factory.mktemp("fleet")
    base = folder / "base.onnx"
    base.write_bytes(small_model().SerializeToString())
    (folder / "clips").mkdir()
    clip = encode_video(folder / "clips" / "00.mp4", (draw_frame(i, (96, 160)) for i in range(30)))
    for i in range(1, N_CLIPS):
        shutil.copy(clip, clip.with_name(f"{i:02d}.mp4"))
    return base, folder / "clips"


@pytest.fixture(scope="package")
def cluster():
    """A cluster of two nodes with a CPU each; the second can be taken away."""
    ray = pytest.importorskip("ray", reason="needs the extra fleet")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_raylet_start_wait_time_s", "300")
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        made.second = made.add_node(num_cpus=1)
        yield made
        ray.shutdown()
        made.shutdown()
