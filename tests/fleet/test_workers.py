"""A cluster of two nodes on this machine: workers and nodes that die cost nothing."""

import os
import shutil
import signal
import warnings
from pathlib import Path

import pytest

from drivemeta.archive.base_facts import BaseFacts
from drivemeta.archive.index import index
from drivemeta.archive.places import find_videos
from drivemeta.archive.store import open_archive, open_or_make
from drivemeta.archive.upkeep import verify
from drivemeta.archive.worker import WorkerSettings
from drivemeta.errors import ProviderError
from drivemeta.fleet.cluster import joined
from drivemeta.fleet.videos import run_on_ray
from drivemeta.fleet.workers import RayWorkers, Share
from drivemeta.plugins.registry import default_registry
from drivemeta.runtime.model_file import read_model_file
from drivemeta.video.job import Job
from tests.helpers.archives import InProcess, content_of
from tests.helpers.small_model import small_model
from tests.helpers.videos import draw_frame, encode_video

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of what it is built on
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds workers by /proc"),
]
ray = pytest.importorskip("ray", reason="needs the extra fleet")
ROOT = Path(__file__).parents[2]
N = 20


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A base that takes no time, and twenty clips of three seconds."""
    folder = tmp_path_factory.mktemp("fleet")
    base = folder / "base.onnx"
    base.write_bytes(small_model().SerializeToString())
    (folder / "clips").mkdir()
    clip = encode_video(folder / "clips" / "00.mp4", (draw_frame(i, (96, 160)) for i in range(30)))
    for i in range(1, N):
        shutil.copy(clip, clip.with_name(f"{i:02d}.mp4"))
    return base, folder / "clips"


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two nodes with a CPU each; the second can be taken away."""
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


def make(out, base, clips, engine_of, listener=None):
    file = read_model_file(base)
    open_or_make(out, BaseFacts.of(file, 0.3), 5.0, "base.onnx")
    settings = WorkerSettings(str(out), str(base), "cpu", threads=1)
    videos, _ = find_videos([str(clips)], default_registry())
    report = index(videos, engine_of(settings), listener or InProcess(settings))
    return open_archive(out), report


class Saboteur:
    """Kills a worker, then a node, in the middle."""

    def __init__(self, cluster):
        self._cluster, self._n, self.killed = cluster, 0, []

    def planned(self, video, done):
        """Nothing is done to plans."""

    def advanced(self, task, n_frames):
        """Nor while a segment is looked at."""

    def ended(self, task, done):
        self._n += 1
        if self._n == 4:
            pid = next(iter(workers_here()))
            os.kill(pid, signal.SIGKILL)
            self.killed.append(pid)
        if self._n == 10:
            self._cluster.remove_node(self._cluster.second, allow_graceful=False)
            self.killed.append("node")


def workers_here():
    """Return the processes of actors that Ray started for this test."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
            place = (entry / "environ").read_bytes()
        except OSError:
            continue
        if words.startswith(b"ray::FleetWorker") and f"PYTHONPATH={ROOT}".encode() in place:
            yield int(entry.name)


def test_a_worker_and_a_node_that_die_cost_no_row(cluster, material, tmp_path):
    base, clips = material
    whole, _ = make(tmp_path / "whole", base, clips, InProcess)
    saboteur = Saboteur(cluster)
    archive, report = make(
        tmp_path / "a",
        base,
        clips,
        lambda settings: RayWorkers(settings, cluster.address, Share(2)),
        saboteur,
    )
    assert len(saboteur.killed) == 2
    assert not report.problems
    assert report.n_done + report.n_there == N
    assert verify(archive).is_sound
    assert content_of(archive).equals(content_of(whole))


def test_videos_are_processed_on_a_cluster(cluster, material, tmp_path):
    base, clips = material
    jobs = {
        name: Job(str(clips / name), tmp_path / name, base, ("jsonl",), cores=1)
        for name in ("00.mp4", "01.mp4")
    }
    heard = []

    class Heard:
        def started(self, name):
            heard.append(name)

        def advanced(self, name, done, total):
            """Not told by a cluster."""

        def ended(self, name, outcome):
            heard.append(outcome.state)

    outcomes = run_on_ray(jobs, cluster.address, 0, Heard())
    assert [outcome.state for outcome in outcomes.values()] == ["done", "done"]
    assert all(outcome.summary["frames"] == 30 for outcome in outcomes.values())
    assert sorted(heard) == ["00.mp4", "01.mp4", "done", "done"]
    assert run_on_ray(jobs, cluster.address, 0, Heard())["00.mp4"].state == "skipped"


def test_no_cluster_is_told():
    with pytest.raises(ProviderError, match="cannot join one"), joined("127.0.0.1:1"):
        pass
