"""A search on a cluster finds what a search on one machine finds, whatever dies."""

import os
import signal
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from drivemeta.archive.asking import scorer_of_model
from drivemeta.archive.matching import Where
from drivemeta.archive.search import Query, search
from drivemeta.errors import InputError
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.archives import indexed

ray = pytest.importorskip("ray", reason="needs the extra fleet")
from drivemeta.fleet import searching  # noqa: E402  (after what it needs)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of what it is built on
]


class Deadly:
    """A condition that kills the process in which it is first asked, and holds for all rows."""

    def __init__(self, mark, *, always=False):
        self._mark, self._always = Path(mark), always

    def __call__(self, table):
        if self._always or not self._mark.exists():
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return np.ones(table.num_rows, np.bool_)


@pytest.fixture
def asked(material, tmp_path):
    """An archive of twenty clips, and what is asked of it."""
    base, clips = material
    archive, _ = indexed(tmp_path / "archive", base, clips)
    query = Query(*scorer_of_model(archive.facts, read_model_file(base), [], 0.31), top=25)
    return archive, query


def told(answer):
    """Return what a search said, embeddings as bytes."""
    said = asdict(answer)
    for hit in said["hits"]:
        hit["embedding"] = hit["embedding"].tobytes()
    return said


def test_hits_are_those_of_one_machine(cluster, asked, monkeypatch):
    monkeypatch.setattr(searching, "PART_BYTES", 1)  # a task a clip
    archive, plain = asked
    on_ray = searching.RaySearch(cluster.address)
    for query in (
        plain,
        replace(plain, where=Where("time_s < 2"), near_threshold=True),
        replace(plain, n_diverse=4),
    ):
        steps = []
        here, there = search(archive, query), search(archive, query, steps.append, on_ray)
        assert here.hits
        assert told(there) == told(here)
        assert steps == [1] * len(archive.files())


def test_a_worker_that_dies_costs_no_hit(cluster, asked, tmp_path):
    archive, query = asked
    mark = tmp_path / "killed"
    deadly = replace(query, where=Deadly(mark))
    there = search(archive, deadly, searching=searching.RaySearch(cluster.address))
    assert mark.exists()
    assert told(there) == told(search(archive, query))


def test_files_at_which_workers_always_die_are_named(cluster, asked, tmp_path, monkeypatch):
    monkeypatch.setattr(searching, "RETRIES", 1)
    archive, query = asked
    deadly = replace(query, where=Deadly(tmp_path / "killed", always=True))
    there = search(archive, deadly, searching=searching.RaySearch(cluster.address))
    assert [p.path for p in there.problems] == [file.path for file in archive.files()]
    assert "what searched it died, 2 times" in there.problems[0].reason


def test_a_wrong_condition_is_told_as_on_one_machine(cluster, asked):
    archive, query = asked
    wrong = replace(query, where=Where("video::int > 3"))
    with pytest.raises(InputError, match="--where"):
        search(archive, wrong, searching=searching.RaySearch(cluster.address))
