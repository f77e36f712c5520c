"""Mutated annotation files: each is read or refused with one message, never a traceback."""

from __future__ import annotations

import io
import json
import os
import random
import time
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from drivemeta.data.support import SupportSet
from drivemeta.errors import DriveMetaError
from tests.helpers.annotated import coco, put, put_picture
from tests.helpers.mutations import mutated_bytes

N_INPUTS = int(os.environ.get("DRIVEMETA_FUZZ_INPUTS", "3000"))  # of each of seven
LIMIT_S = float(os.environ.get("DRIVEMETA_FUZZ_SECONDS", "120"))  # of each format
ODD = [None, True, [], {}, [1], {"a": [1]}, -1, 0, 1e308, "", "x" * 300, "\x00", "\ud800", "../a"]
VOC = """<annotation><filename>a.png</filename><size><width>80</width><height>60</height></size>
<object><name>stop</name><difficult>0</difficult><bndbox><xmin>11</xmin><ymin>21</ymin>
<xmax>40</xmax><ymax>35</ymax></bndbox></object></annotation>"""
CVAT = """<annotations><meta><task><id>1</id><labels><label>
<name>stop</name></label></labels></task></meta>
<image id="0" name="a.png" subset="train" task_id="1" width="80" height="60">
<box label="stop" xtl="10" ytl="20" xbr="40" ybr="35" rotation="3"/>
<polygon label="stop" points="1,1;9,1;9,8"/><ellipse label="stop" cx="9" cy="9" rx="3" ry="3"/>
<mask label="stop" rle="0, 12" left="1" top="1" width="4" height="3"/></image></annotations>"""
TRACKS = """<annotations><meta><task><id>1</id><size>1</size><stop_frame>0</stop_frame>
<labels><label><name>stop</name></label></labels><original_size><width>80</width><height>60</height>
</original_size></task></meta>
<track id="0" label="stop"><box frame="0" keyframe="1" outside="0" xtl="10"
ytl="20" xbr="40" ybr="35"/></track></annotations>"""
NAMES = """path: .
train: ./images
val: ../a.txt
names: [stop, on]
kpt_shape: [2, 3]
nc: 2
"""
LABELME = {
    "shapes": [
        {
            "label": "stop",
            "shape_type": kind,
            "points": [[10, 20], [40, 35], [30, 50]],
            "group_id": 1,
        }
        for kind in ("rectangle", "polygon", "circle")
    ],
    "imagePath": "a.png",
    "imageHeight": 60,
    "imageWidth": 80,
    "imageData": None,
}
FORMATS: dict[str, tuple[str, str | dict[str, object]]] = {
    "coco": (
        "c.json",
        coco("a.png", attributes={"rotation": 1}, segmentation=[[1, 2, 3, 4, 5, 6]]),
    ),
    "labelme": ("a.json", LABELME),
    "voc": ("a.xml", VOC),
    "cvat": ("annotations.xml", CVAT),
    "cvat_video": ("annotations.xml", TRACKS),
    "yolo_lines": ("a.txt", "0 0.5 0.5 0.25 0.5\n0 0.3 0.3 0.1 0.1 0.9 1\n"),
    "yolo_names": (
        "data.yaml",
        NAMES,
    ),
}


def mutated_value(value: object, rng: random.Random) -> object:
    """Return JSON with one value somewhere in it replaced, doubled or left out."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return rng.choice(ODD)
    places = list(value) if isinstance(value, dict) else list(range(len(value)))
    place = rng.choice(places)
    changed = dict(value) if isinstance(value, dict) else list(value)
    way = rng.random()
    if way < 0.1:
        del changed[place]  # type: ignore[arg-type]
    elif way < 0.2 and isinstance(changed, list):
        changed.append(changed[place])
    else:
        changed[place] = mutated_value(value[place], rng)  # type: ignore[index]
    return changed


def mutated(content: str | dict[str, object], rng: random.Random) -> bytes:
    if isinstance(content, dict) and rng.random() < 0.8:
        changed: object = content
        for _ in range(rng.randint(1, 2)):
            changed = mutated_value(changed, rng)
        return json.dumps(changed).encode()
    text = json.dumps(content) if isinstance(content, dict) else content
    return mutated_bytes(text.encode(), rng)


def message(folder: Path) -> str:
    """Return why a support set is refused, an empty text if it is read."""
    try:
        with redirect_stderr(io.StringIO()):
            SupportSet.from_path(folder)
    except DriveMetaError as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_no_mutated_file_ends_in_a_traceback(tmp_path: Path, name: str) -> None:
    file, content = FORMATS[name]
    put_picture(tmp_path / "a.png")
    if name.startswith("yolo"):
        put(tmp_path / "data.yaml", "names: [stop, on]")
        put(tmp_path / "a.txt", "0 0.5 0.5 0.25 0.5\n")
    rng, started, n_read = random.Random(f"drivemeta {name}"), time.monotonic(), 0
    for number in range(N_INPUTS):
        data = mutated(content, rng)
        put(tmp_path / file, data)
        begun = time.monotonic()
        try:
            said = message(tmp_path)
        except Exception as error:  # noqa: BLE001  (whatever it is, the input has to be shown)
            pytest.fail(f"input {number} of {name}: {error!r} from {data!r}")
        assert len(said) < 3000, data
        assert time.monotonic() - begun < 10, data
        n_read += not said
        if time.monotonic() - started > LIMIT_S:
            break
    assert n_read  # the mutations are small enough to say something
