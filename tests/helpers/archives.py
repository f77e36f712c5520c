"""A base with both embeddings, and a model that names more by its class bank alone."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from drivemeta.archive.base_facts import BaseFacts
from drivemeta.archive.engine import Queue
from drivemeta.archive.index import index
from drivemeta.archive.places import find_videos
from drivemeta.archive.segment_file import WORDS
from drivemeta.archive.store import open_archive, open_or_make
from drivemeta.archive.worker import Worker, WorkerSettings
from drivemeta.core import BankRows, ClassSpec
from drivemeta.plugins.registry import default_registry
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.detectors import make_things

SAME_PX = 0.02  # threads add up in another order


def build_base(lively):
    """Return a lively detector that embeds things by a network of their own.

    Boxes of two super-classes overlap by less there than on real objects, and are one all the same.
    """
    things = {"thing_scale": 9.0, "thing_power": 0.5, "thing_floor": 0.2}
    scoring = replace(lively.scoring, object_iou=0.5, **things)
    return lively.with_(things=make_things(), scoring=scoring).eval()


def with_more_classes(base, *, things=True, seed=0):
    """Return a base with a new leaf of signs, and two of vehicles, with distractors beside them."""
    bank, rng = base.bank, np.random.default_rng(seed)
    n, sign = len(bank.classes), bank.index("traffic_sign")
    new = [ClassSpec("rocks", "traffic_sign", "novel", 0.1, 5)]
    owners, roots = [n, n, -1], [sign] * 3
    if things:
        first = n + len(new)
        new += [ClassSpec(name, "vehicle", "novel", 0.1, 5) for name in ("bus", "van")]
        owners += [first, 0, first + 1, -1]
        roots += [0] * 4
    weights = rng.normal(size=(len(owners), 128)).astype(np.float32)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    biases = rng.uniform(-0.1, 0.1, len(owners)).astype(np.float32)
    rows = BankRows(weights, biases, np.array(owners), np.array(roots))
    return base.with_(bank=replace(bank, classes=(*bank.classes, *new), crop=bank.crop + rows))


def assert_same(found, expected, thresholds, tolerance=2e-3, box_px=SAME_PX):
    """Hold two frames' detections against each other: boxes equal, labels, scores within tolerance.

    A box may be missing, or another class, only where its score lies within the tolerance of a
    threshold.
    """

    near = [thresholds - tolerance, thresholds + tolerance]

    def is_near(*scores):
        return any(((s >= near[0]) & (s <= near[1])).any() for s in scores)

    left = list(range(len(expected)))
    for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
        same = [j for j in left if np.abs(expected.boxes[j] - box).max() <= box_px]
        same.sort(key=lambda j: (expected.labels[j] != label, abs(expected.scores[j] - score)))
        if not same:
            assert is_near(score), (box, score, label)
            continue
        left.remove(same[0])
        other = expected.scores[same[0]]
        if expected.labels[same[0]] == label:
            assert abs(other - score) <= tolerance, (box, score, other)
        else:
            assert is_near(score, other), (box, score, other)
    assert all(is_near(expected.scores[j]) for j in left)


class InProcess:
    """An engine that runs its one worker here, and a listener that remembers what it heard."""

    def __init__(self, settings):
        self.settings, self.heard = settings, []

    def run(self, tasks, listener, stopped):
        queue, worker = Queue(tasks), Worker(self.settings)
        while queue and not stopped():
            task = queue.take()
            queue.settle(task, worker.run(task), listener)

    def planned(self, video, done):
        self.heard.append((video, done))

    def advanced(self, task, n_frames):
        self.heard.append((task, n_frames))

    def ended(self, task, done):
        self.heard.append((task, done))


def indexed(out, base, clips, engine_of=InProcess, listener=None):
    """Index a folder of clips at five frames a second; return the archive and the report."""
    file = read_model_file(base)
    open_or_make(out, BaseFacts.of(file, 0.3), 5.0, "base.onnx")
    settings = WorkerSettings(str(out), str(base), "cpu", threads=1)
    videos, _ = find_videos([str(clips)], default_registry())
    report = index(videos, engine_of(settings), listener or InProcess(settings))
    return open_archive(out), report


def content_of(archive):
    """Return all rows of an archive, sorted, without what differs from file to file."""
    tables = [archive.table(file)[1] for file in archive.files()]
    table = pa.concat_tables([t.replace_schema_metadata() for t in tables])
    for name in WORDS:  # their dictionaries differ from file to file
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(pa.string()))
    return table.sort_by([("video", "ascending"), ("frame", "ascending"), ("score", "descending")])
