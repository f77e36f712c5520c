"""`drivemeta check`: what is in a support set, for people and for programs."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from drivemeta.cli.main import app
from drivemeta.demo.material import write_support
from drivemeta.errors import AnnotationError, InputError
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.annotated import coco, put, put_picture


@pytest.mark.slow
def test_what_detect_writes_can_be_corrected_and_given_back(tmp_path):
    """The loop of docs/video.md: detect, correct the pre-labels, adapt."""
    write_support(tmp_path, "falling_rocks", 0, (270, 480))
    frames, out = tmp_path / "images", tmp_path / "rocks.onnx"
    found = CliRunner().invoke(app, ["detect", str(frames), "--out", str(tmp_path / "found")])
    assert found.exit_code == 0, found.output
    labels = tmp_path / "found" / "coco.json"
    data = json.loads(labels.read_text())
    rocks = {"id": 1 + len(data["categories"]), "name": "falling_rocks"}
    signs = next(row["id"] for row in data["categories"] if row["name"] == "traffic_sign")
    kept = [row for row in data["annotations"] if row["category_id"] == signs]
    assert kept
    for row in kept:
        row["category_id"] = rocks["id"]
    data.update(annotations=kept, categories=[*data["categories"], rocks])
    labels.write_text(json.dumps(data))
    given = ["adapt", str(labels), "--images", str(frames), "--out", str(out), "--json"]
    adapted = CliRunner().invoke(app, given)
    assert adapted.exit_code == 0, adapted.output
    report = json.loads(adapted.stdout)
    assert [row["name"] for row in report["classes"]] == ["falling_rocks"]
    assert any("no boxes of" in note for note in report["notes"])
    assert "falling_rocks" in read_model_file(out).manifest.names


def support(root):
    data = coco("a.png", "b.png")
    data["annotations"].append({"id": 9, "image_id": 2, "category_id": 1, "bbox": [10, 20, 30, 15]})
    crowd = {"id": 4, "image_id": 1, "category_id": 1, "bbox": [50, 5, 20, 20], "iscrowd": "1"}
    data["annotations"].append(crowd)
    data["categories"].append({"id": 2, "name": "yield"})
    for name in ("a.png", "b.png"):
        put_picture(root / name)
    return put(root / "c.json", data)


def test_the_json_is_of_the_form_that_is_documented(tmp_path):
    path = support(tmp_path)
    result = CliRunner().invoke(app, ["check", str(path), "--json"])
    assert result.exit_code == 0, result.output
    box = {"class": "stop", "box": [10.0, 20.0, 40.0, 35.0]}
    found = json.loads(result.stdout)
    assert found["images"] == [
        {"file": str(tmp_path / name), "width": 80, "height": 60, "boxes": [box]}
        for name in ("a.png", "b.png")
    ]
    assert {key: found[key] for key in ("format", "classes", "notes")} == {
        "format": "COCO",
        "classes": ["stop"],
        "notes": [
            "1 box is nearly the same as another of its class: counted once",
            "no boxes of 'yield': not learnt",
        ],
    }
    assert found["set_aside"] == [
        {
            "file": "b.png",
            "what": "annotation 9 ('stop'), as annotation 2",
            "why": "nearly the same box as another of its class",
        },
        {
            "file": "a.png",
            "what": "annotation 4 ('stop')",
            "why": "a crowd, or marked as difficult: neither learnt nor taken for background",
        },
    ]


def test_people_read_the_same_and_see_a_sheet(tmp_path):
    path = support(tmp_path)
    sheet = tmp_path / "sheet.png"
    result = CliRunner().invoke(app, ["check", str(path), "--out", str(sheet)])
    assert result.exit_code == 0, result.output
    words = " ".join(result.stderr.split())
    for expected in ("format COCO", "stop", "b.png: annotation 9", "note no boxes of 'yield'"):
        assert expected in words
    assert result.stdout == ""
    with Image.open(sheet) as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20) or ()}
    assert {(0x25, 0x63, 0xEB), (0x8A, 0x94, 0xA0)} <= colours


def test_what_can_be_read_in_two_ways_is_decided_on_the_command_line(tmp_path):
    put_picture(tmp_path / "a.png")
    put(tmp_path / "classes.txt", "stop")
    put(tmp_path / "a.txt", "0 0.5 0.5 0.25 0.5 0.93 1")
    refused = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert isinstance(refused.exception, AnnotationError)
    for reading, side in (("boxes", 20.0), ("polygons", 54.4)):
        given = ["check", str(tmp_path), "--json", "--read", f"yolo={reading}"]
        (image,) = json.loads(CliRunner().invoke(app, given).stdout)["images"]
        left, _, right, _ = image["boxes"][0]["box"]
        assert abs(right - left - side) < 0.1
    wrong = CliRunner().invoke(app, ["check", str(tmp_path), "--read", "yolu=boxes"])
    assert isinstance(wrong.exception, InputError)
    assert "did you mean 'yolo'" in str(wrong.exception)
