"""What annotation files are made of: encodings, archives, keys that stand twice."""

import gzip
import json
import os

import pytest

from drivemeta.data.readers import read_annotations
from drivemeta.data.readers.files import parse_xml, read_json, read_text
from drivemeta.data.support import SupportSet
from drivemeta.errors import AnnotationError
from tests.helpers.annotated import coco, put, put_picture


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_of_any_unicode_encoding(tmp_path, encoding):
    text = json.dumps({"name": "Straße"}, ensure_ascii=False)
    assert read_json(put(tmp_path / "a.json", text.encode(encoding))) == {"name": "Straße"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"images": [', "found a fault"),
        ('{"a": 1}\n{"a": 2}\n', "JSON lines"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands twice"),
        ("", "found a fault"),
        ("[" * 100_000, "found a fault"),
    ],
)
def test_json_that_is_none(tmp_path, text, words):
    with pytest.raises(AnnotationError, match=words):
        read_json(put(tmp_path / "a.json", text))


@pytest.mark.parametrize("read", [read_json, read_text, parse_xml])
@pytest.mark.parametrize("data", [gzip.compress(b"{}", mtime=0), b"PK\x03\x04\x00"])
def test_archives_called_otherwise(tmp_path, read, data):
    with pytest.raises(AnnotationError, match="found an archive; unpack it"):
        read(put(tmp_path / "a.json", data))


@pytest.mark.parametrize("name", ["a.png", "s.json"])
def test_pointers_of_git_lfs_are_called_so(tmp_path, name):
    put_picture(tmp_path / "a.png")
    put(tmp_path / "s.json", coco("a.png"))
    put(tmp_path / name, "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n")
    with pytest.raises(AnnotationError, match=rf"{name}: .*pointer of Git LFS.*git lfs pull"):
        SupportSet.from_path(tmp_path / "s.json")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz", "a.7z"])
def test_archives(tmp_path, name):
    with pytest.raises(AnnotationError, match="found an archive; unpack it"):
        read_annotations(put(tmp_path / name, b"x"))


def test_pictures_that_are_not_read_are_set_aside(tmp_path):
    for root in ("crops", "yolo", "voc"):
        put(tmp_path / root / "stop/b.heic", b"x")
        put_picture(tmp_path / root / "stop/a.png")
    put(tmp_path / "yolo/classes.txt", "stop")
    put(tmp_path / "yolo/stop/a.txt", "0 0.5 0.5 0.2 0.2")
    box = "<xmin>9</xmin><ymin>9</ymin><xmax>20</xmax><ymax>20</ymax>"
    named = f"<object><name>stop</name><bndbox>{box}</bndbox></object>"
    put(tmp_path / "voc/stop/a.xml", f"<annotation>{named}</annotation>")
    for root in ("crops", "yolo", "voc"):
        (aside,) = read_annotations(tmp_path / root).set_aside
        assert aside.file == "stop/b.heic"
        assert ".heic is not read" in aside.why


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    put_picture(tmp_path / "stop/a.png")
    put_picture(tmp_path / "stop/locked/b.png")
    put_picture(tmp_path / ".hidden/c.png")
    scandir = os.scandir

    def locked(path):
        if str(path).endswith(("locked", ".hidden")):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(AnnotationError, match=r"stop/locked: cannot read the folder: Permission"):
        read_annotations(tmp_path)


def test_folders_of_crops_without_crops_are_set_aside(tmp_path):
    put_picture(tmp_path / "stop/a.ppm")
    put_picture(tmp_path / "yield/near/b.png")
    dataset = read_annotations(tmp_path)
    assert dataset.n_boxes() == {"stop": 1}
    assert [aside.file for aside in dataset.set_aside] == ["yield"]


@pytest.mark.parametrize("name", ["a.jpg.json", "a.json"])
def test_the_name_of_a_file_may_hold_that_of_its_picture(tmp_path, name):
    put_picture(tmp_path / "a.jpg")
    shape = {"label": "stop", "points": [[1, 1], [9, 1], [9, 9]]}
    put(tmp_path / name, {"shapes": [shape], "imagePath": "a.jpg"})
    assert len(read_annotations(tmp_path)) == 1


def test_a_list_of_coco_is_read_beside_other_json(tmp_path):
    put_picture(tmp_path / "a.png")
    put(tmp_path / "s.json", coco("a.png"))
    put(tmp_path / "notes.json", {"info": {}, "categories": []})
    put(tmp_path / "half.json", "{")
    assert read_annotations(tmp_path).format == "COCO"
