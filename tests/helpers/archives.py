"""A base with both embeddings, and a model that names more by its class bank alone."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from drivemeta.archive.engine import Queue
from drivemeta.archive.segment_file import WORDS
from drivemeta.archive.worker import Worker
from drivemeta.core import BankRows, ClassSpec
from tests.helpers.detectors import make_things


def build_base(lively):
    """Return a lively detector that embeds things by a network of their own."""
    scoring = replace(lively.scoring, thing_scale=9.0, thing_power=0.5, thing_floor=0.2)
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


def assert_same(found, expected, thresholds, tolerance=2e-3):
    """Hold two frames' detections against each other: boxes equal, labels, scores within tolerance.

    A box may be missing, or another class, only where its score lies within the tolerance of a
    threshold.
    """

    def keyed(detections):
        keys = [tuple(np.round(box, 2)) for box in detections.boxes.tolist()]
        return dict(zip(keys, zip(detections.scores, detections.labels, strict=True), strict=True))

    a, b = keyed(found), keyed(expected)
    near = [thresholds - tolerance, thresholds + tolerance]

    def is_near(*scores):
        return any(((s >= near[0]) & (s <= near[1])).any() for s in scores)

    for key in {*a, *b}:
        if key not in a or key not in b:
            assert is_near((a.get(key) or b.get(key))[0]), (key, a.get(key), b.get(key))
        elif a[key][1] == b[key][1]:
            assert abs(a[key][0] - b[key][0]) <= tolerance, (key, a[key], b[key])
        else:
            assert is_near(a[key][0], b[key][0]), (key, a[key], b[key])


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


def content_of(archive):
    """Return all rows of an archive, sorted, without what differs from file to file."""
    tables = [archive.table(file)[1] for file in archive.files()]
    table = pa.concat_tables([t.replace_schema_metadata() for t in tables])
    for name in WORDS:  # their dictionaries differ from file to file
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(pa.string()))
    return table.sort_by([("video", "ascending"), ("frame", "ascending"), ("score", "descending")])
