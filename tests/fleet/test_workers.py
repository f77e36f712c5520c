"""A cluster of two nodes on this machine: workers and nodes that die cost nothing."""

import os
import signal
from pathlib import Path

import pytest

from drivemeta.archive.upkeep import verify
from drivemeta.errors import ProviderError
from drivemeta.fleet.cluster import joined
from drivemeta.fleet.videos import run_on_ray
from drivemeta.fleet.workers import RayWorkers, Share
from drivemeta.video.job import Job
from tests.helpers.archives import content_of, indexed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of what it is built on
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds workers by /proc"),
]
ray = pytest.importorskip("ray", reason="needs the extra fleet")
ROOT = Path(__file__).parents[2]


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
    whole, _ = indexed(tmp_path / "whole", base, clips)
    saboteur = Saboteur(cluster)
    archive, report = indexed(
        tmp_path / "a",
        base,
        clips,
        lambda settings: RayWorkers(settings, cluster.address, Share(2)),
        saboteur,
    )
    assert len(saboteur.killed) == 2
    assert not report.problems
    assert report.n_done + report.n_there == len(list(clips.iterdir()))
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
