"""What the jsonl, csv, mot, coco, events, snapshots and mcap sinks say, read back."""

import base64
import csv
import json

import cv2
import numpy as np
import pytest
from faster_coco_eval import COCO

from drivemeta.core import Detections, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins import default_registry
from tests.helpers.videos import CLASSES, draw_frame, find_boxes

SIZE = (96, 160)


def write(name, folder, labels=((0, 1), (0, 1), (0, 1)), times=None, **params):
    """Write three frames: a vehicle without an identity, a sign that is track 7."""
    sink = default_registry().create("sink", name, context=RunContext(folder), **params)
    sink.open(StreamInfo("clip", CLASSES, SIZE, 10.0, len(labels)), 0)
    for index, row in enumerate(labels):
        image = draw_frame(index, SIZE)
        found = find_boxes([image])[0]
        found = Detections(found.boxes, found.scores, np.array(row), CLASSES)
        time_s = times[index] if times else index / 10
        sink.write(
            Frame(image, index, time_s, round(1000 * time_s)), Tracks(found, np.array([-1, 7]))
        )
    return sink.close()


def test_a_line_a_frame(tmp_path):
    uneven = [0.0, 0.04, 0.2]
    (path,) = write("jsonl", tmp_path, times=uneven)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["frame"] for record in records] == [0, 1, 2]
    assert [record["time_s"] for record in records] == uneven
    assert records[2]["pts"] == 200
    first, second = records[0]["objects"]
    assert (first["id"], first["label"], first["name"]) == (None, 0, "vehicle")
    assert (second["id"], second["name"], second["score"]) == (7, "sign", 0.9)
    assert second["box"] == [120, 10, 140, 30]


def test_csv(tmp_path):
    (path,) = write("csv", tmp_path)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert len(rows) == 6
    assert [row["id"] for row in rows[:2]] == ["", "7"]
    assert (rows[3]["frame"], rows[3]["name"], rows[3]["score"]) == ("1", "sign", "0.9000")
    assert [float(rows[1][side]) for side in ("x1", "y1", "x2", "y2")] == [120, 10, 140, 30]


def test_mot(tmp_path):
    (path,) = write("mot", tmp_path)
    rows = np.loadtxt(path, delimiter=",")
    assert rows[:, :2].tolist() == [[1, 8], [2, 8], [3, 8]]  # the format counts from 1
    assert rows[0, 2:].tolist() == [121, 11, 20, 20, 0.9, 2, -1, -1]


def test_coco(tmp_path):
    (path,) = write("coco", tmp_path)
    truth = COCO()
    truth.dataset = {
        "images": [{"id": i + 1, "height": SIZE[0], "width": SIZE[1]} for i in range(3)],
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)],
        "annotations": [],
    }
    truth.createIndex()
    results = truth.loadRes(str(path))
    signs = results.loadAnns(results.getAnnIds(catIds=[2]))
    assert [sign["image_id"] for sign in signs] == [1, 2, 3]
    assert signs[0]["bbox"] == [120, 10, 20, 20]
    assert {sign["track_id"] for sign in signs} == {7}


def test_events_tell_first_and_last_sight_and_changes(tmp_path):
    (path,) = write("events", tmp_path, labels=((0, 1), (0, 0), (0, 0)))
    events = json.loads(path.read_text())
    assert events["counts"] == {"vehicle": 1}
    (track,) = events["tracks"]
    assert (track["id"], track["frames"]) == (7, 3)
    assert (track["first"]["frame"], track["last"]["frame"]) == (0, 2)
    (change,) = track["changes"]
    assert change == {"frame": 1, "time_s": 0.1, "from": "sign", "to": "vehicle"}


def test_snapshots_show_the_object(tmp_path):
    index, picture = write("snapshots", tmp_path)
    (row,) = json.loads(index.read_text())
    assert (row["id"], row["name"], row["file"]) == (7, "sign", picture.name)
    image = cv2.imread(str(picture))
    assert image.shape == (30, 30, 3)
    centre = image[15, 15].astype(int)
    assert np.abs(centre - (230, 60, 40)).max() < 40


def test_mcap_opens_again(tmp_path):
    reader = pytest.importorskip("mcap.reader")
    (path,) = write("mcap", tmp_path)
    with path.open("rb") as file:
        messages = [
            (schema.name, message.log_time, json.loads(message.data))
            for schema, _, message in reader.make_reader(file).iter_messages()
        ]
    images = [m for m in messages if m[0] == "foxglove.CompressedImage"]
    notes = [m for m in messages if m[0] == "foxglove.ImageAnnotations"]
    assert [time for _, time, _ in images] == [0, 100_000_000, 200_000_000]
    assert len(notes) == 3
    assert notes[0][2]["points"][1]["points"][2] == {"x": 140, "y": 30}
    assert notes[0][2]["texts"][1]["text"] == "sign 0.90 #7"
    jpeg = np.frombuffer(base64.b64decode(images[0][2]["data"]), np.uint8)
    assert cv2.imdecode(jpeg, cv2.IMREAD_COLOR).shape == (*SIZE, 3)
