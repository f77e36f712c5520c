"""CVAT for video 1.1, with a video that is written here."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from drivemeta.data.readers import read_annotations
from drivemeta.data.support import SupportSet
from drivemeta.errors import AnnotationError
from tests.helpers.containers import MIRRORED, TURNED, UPSIDE_DOWN, add_cover, set_matrix
from tests.helpers.videos import draw_frame, encode_video, write_greys

# As CVAT 2 exports a task with frame step 2 that starts at frame 4 of the video: frame numbers
# are those of the video, boxes between keyframes are written out, and a track ends `outside`.
XML = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>7</id><name>drive</name><size>5</size><mode>interpolation</mode>
    <start_frame>4</start_frame><stop_frame>12</stop_frame><frame_filter>step=2</frame_filter>
    <labels><label><name>deer</name><color>#ff0000</color><type>any</type></label>
    <label><name>boar</name><type>any</type></label></labels>
    <original_size><width>96</width><height>64</height></original_size>
    <source>drive.mp4</source></task><dumped>2024-05-01 10:00:00+00:00</dumped></meta>
  <track id="0" label="deer" source="manual">
    <box frame="4" keyframe="1" outside="0" occluded="0" xtl="10.00" ytl="8.00" xbr="30.00"
      ybr="24.00" z_order="0"></box>
    <box frame="6" keyframe="0" outside="0" occluded="0" xtl="12.00" ytl="8.00" xbr="32.00"
      ybr="24.00" z_order="0"></box>
    <box frame="8" keyframe="1" outside="0" occluded="1" xtl="14.00" ytl="8.00" xbr="34.00"
      ybr="24.00" z_order="0"></box>
    <box frame="10" keyframe="1" outside="1" occluded="0" xtl="14.00" ytl="8.00" xbr="34.00"
      ybr="24.00" z_order="0"></box>
  </track>
  <track id="1" label="boar" source="manual">
    <polygon frame="6" keyframe="0" outside="0" occluded="0"
      points="50.00,30.00;60.00,30.00;55.00,40.00" z_order="0"></polygon>
    <polygon frame="8" keyframe="0" outside="0" occluded="0"
      points="51.00,30.00;61.00,30.00;56.00,40.00" z_order="0"></polygon>
  </track>
</annotations>"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    path = tmp_path / "annotations.xml"
    path.write_text(XML)
    return path


def test_keyframes_are_taken_out_of_the_video(task):
    write_greys(task.with_name("drive.mp4"))
    write_greys(task.with_name("other.mp4"))
    dataset = read_annotations(task)
    assert dataset.classes == ("deer", "boar")
    assert [image.attributes["frame"] for image in dataset.images] == [4, 8]
    first, second = dataset.images
    np.testing.assert_allclose(first.boxes, [[10, 8, 30, 24]])
    np.testing.assert_allclose(second.boxes, [[14, 8, 34, 24], [51, 30, 61, 40]])
    assert second.entries == ("track 0 frame 8", "track 1 frame 8")
    for image, grey in zip(dataset.images, (80, 160), strict=True):
        assert image.size == (64, 96)
        with Image.open(image.path) as picture:
            assert abs(np.asarray(picture).mean() - grey) < 6
    assert read_annotations(task).images[0].path == first.path


def test_frames_that_cvat_exported_are_used_first(task):
    (task.parent / "images").mkdir()
    for frame in (4, 8):
        Image.new("RGB", (96, 64)).save(task.parent / f"images/frame_{frame:06d}.PNG")
    dataset = read_annotations(task.parent)
    assert [image.path.name for image in dataset.images] == ["frame_000004.PNG", "frame_000008.PNG"]


def test_without_its_video(task):
    with pytest.raises(AnnotationError, match=r"the annotated video drive\.mp4 in .* found no vid"):
        read_annotations(task)


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        (MIRRORED, lambda image: image[:, ::-1]),
        (UPSIDE_DOWN, lambda image: image[::-1]),
        (TURNED[180], lambda image: image[::-1, ::-1]),
    ],
)
def test_frames_are_upright_as_the_source_of_videos_gives_them(task, matrix, shown):
    path = encode_video(task.with_name("drive.mp4"), (draw_frame(i, (64, 96)) for i in range(12)))
    set_matrix(path, matrix)
    for image in read_annotations(task).images:
        with Image.open(image.path) as picture:
            pixels = np.asarray(picture.convert("RGB"))[..., ::-1].astype(int)
        expected = shown(draw_frame(image.attributes["frame"], (64, 96)))
        assert np.abs(pixels - expected).mean() < 8


@pytest.mark.parametrize("name", ["2024-01-05T12:30:05.mp4", "DRIVE.MTS", "drive.3gp"])
def test_a_video_of_any_name_and_kind_is_found(task, name):
    write_greys(task.with_name("drive.mp4")).rename(task.with_name(name))
    task.write_text(XML.replace("drive.mp4", name))
    assert len(read_annotations(task).images) == 2


def test_a_video_of_another_name_is_noted(task):
    write_greys(task.with_name("copy.mp4"))
    (note,) = read_annotations(task).notes
    assert note == "copy.mp4 is taken for the video 'drive.mp4', which is not there"


def test_a_cover_picture_is_no_video(task):
    black = np.zeros((40, 40, 3), np.uint8)
    path = encode_video(task.with_name("drive.mp4"), (draw_frame(i, (64, 96)) for i in range(12)))
    add_cover(path, cv2.imencode(".jpg", black)[1].tobytes())
    assert {image.size for image in read_annotations(task).images} == {(64, 96)}


def test_a_video_that_is_too_short(task):
    write_greys(task.with_name("drive.mp4"), 6)
    with pytest.raises(AnnotationError, match=r"frame 8 is annotated, but .* ends before it"):
        read_annotations(task)


def test_a_video_of_another_size_or_frame_rate(task):
    write_greys(task.with_name("drive.mp4"), 10)  # of 13: what were frames 4 and 8 are others
    with pytest.raises(AnnotationError, match=r"has 10 frames, and the task goes to frame 12"):
        read_annotations(task)
    write_greys(task.with_name("drive.mp4"))
    task.write_text(XML.replace("<width>96<", "<width>192<").replace("<height>64<", "<height>128<"))
    with pytest.raises(AnnotationError, match="as 192x128 pixels, but the file has 96x64"):
        SupportSet.from_path(task)


def test_a_video_that_is_none(task):
    task.with_name("drive.mp4").write_bytes(b"nothing")
    with pytest.raises(AnnotationError, match=r"cannot read the video .*drive\.mp4"):
        read_annotations(task)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('label="deer"', 'label=""', "track 0 has no label"),
        (
            'xtl="14.00"',
            'xtl="left"',
            "track 0 frame 8: xtl: expected a finite number, found 'left'",
        ),
        ('frame="4" ', "", "track 0: frame: expected a finite number, found None"),
    ],
)
def test_damaged_tracks(task, old, new, words):
    task.write_text(XML.replace(old, new))
    with pytest.raises(AnnotationError, match=words):
        read_annotations(task)
