"""CVAT's projects: several tasks, videos or subsets in one XML file."""

import numpy as np
import pytest
from PIL import Image

from drivemeta.data.readers import read_annotations
from drivemeta.data.readers.reading import Reading
from drivemeta.data.support import SupportSet
from drivemeta.errors import AnnotationError
from tests.helpers.annotated import put, put_picture
from tests.helpers.videos import write_greys

BOX = '<box label="stop" {more} xtl="10" ytl="20" xbr="40" ybr="35"/>'


def project(tasks, body):
    """Return a project's XML; tasks are numbers with their name and what else is said of them."""
    listed = "".join(f"<task><id>{n}</id><name>{a}</name>{more}</task>" for n, a, more in tasks)
    return (
        "<annotations><meta><project><labels><label><name>stop</name></label></labels>"
        f"<tasks>{listed}</tasks></project></meta>{body}</annotations>"
    )


def image(number, name, task, subset="default"):
    return (
        f'<image id="{number}" name="{name}" subset="{subset}" task_id="{task}" width="80" '
        f'height="60">{BOX.format(more="")}</image>'
    )


def track(task, frame):
    box = BOX.format(more=f'frame="{frame}" keyframe="1" outside="0"')
    return f'<track id="{task}" label="stop" task_id="{task}">{box}</track>'


def grey(path):
    with Image.open(path) as picture:
        return float(np.asarray(picture).mean())


def test_images_lie_in_the_folder_of_their_subset(tmp_path):
    wanted = [put_picture(tmp_path / f"images/{name}/a.jpg") for name in ("train", "val")]
    body = image(0, "a.jpg", 7, "train") + image(1, "a.jpg", 8, "val")
    path = put(tmp_path / "a.xml", project([(7, "x", ""), (8, "y", "")], body))
    dataset = read_annotations(path)
    assert [found.path for found in dataset.images] == wanted
    assert [found.attributes["split"] for found in dataset.images] == ["train", "val"]


def test_images_of_one_name_lie_in_the_folders_of_their_tasks_or_are_refused(tmp_path):
    path = put(
        tmp_path / "a.xml",
        project([(7, "x", ""), (8, "y", "")], image(0, "a.jpg", 7) + image(1, "a.jpg", 8)),
    )
    put_picture(tmp_path / "images/a.jpg")
    with pytest.raises(AnnotationError, match=r"task 7 and by task 8; .*--read task=8"):
        read_annotations(path)
    assert len(read_annotations(path, reading=Reading(task="y"))) == 1
    (tmp_path / "images/a.jpg").unlink()
    wanted = [put_picture(tmp_path / f"images/{name}/a.jpg") for name in ("x", "y")]
    assert [found.path for found in read_annotations(path).images] == wanted
    with pytest.raises(AnnotationError, match=r"no task 'z'; it holds 7 \(x\), 8 \(y\)"):
        read_annotations(path, reading=Reading(task="z"))


def test_each_task_has_its_video(tmp_path):
    write_greys(tmp_path / "a.mp4")
    write_greys(tmp_path / "b.mp4", 5)
    tasks = [(7, "x", "<source>a.mp4</source>"), (8, "y", "<source>b.mp4</source>")]
    path = put(tmp_path / "t.xml", project(tasks, track(7, 9) + track(8, 2)))
    first, second = read_annotations(path).images
    assert (abs(grey(first.path) - 180) < 6, abs(grey(second.path) - 40) < 6) == (True, True)
    (tmp_path / "b.mp4").unlink()
    with pytest.raises(AnnotationError, match=r"expected the annotated video b\.mp4 of task 8"):
        read_annotations(path)
    (alone,) = read_annotations(path, reading=Reading(task="7")).images
    assert alone.path == first.path


def test_two_videos_of_one_name_cannot_be_told_apart(tmp_path):
    write_greys(tmp_path / "a.mp4")
    tasks = [(n, str(n), "<source>a.mp4</source>") for n in (7, 8)]
    path = put(tmp_path / "t.xml", project(tasks, track(7, 9) + track(8, 2)))
    with pytest.raises(AnnotationError, match=r"all of a video called a\.mp4; .*--read task="):
        read_annotations(path)


def test_images_of_a_video_task_have_no_suffix(tmp_path):
    source = "<source>drive.mp4</source>"
    body = image(0, "frame_000000", 7) + image(1, "frame_000003", 7)
    path = put(tmp_path / "a.xml", project([(7, "x", source)], body))
    for i in (0, 3):
        put_picture(tmp_path / f"images/frame_{i:06d}.PNG", seed=i)
    assert SupportSet.from_path(path).n_boxes == {"stop": 2}


def test_frames_that_are_not_exported_are_taken_out_of_the_video(tmp_path):
    write_greys(tmp_path / "drive.mp4")
    body = image(0, "frame_000004", 7).replace('"80"', '"96"').replace('"60"', '"64"')
    path = put(tmp_path / "a.xml", project([(7, "x", "<source>drive.mp4</source>")], body))
    (found,) = SupportSet.from_path(path).images
    assert abs(grey(found.path) - 80) < 6


def one_task(size, body):
    meta = f"<meta><task><id>7</id><size>{size}</size><start_frame>0</start_frame></task></meta>"
    return f"<annotations>{meta}{body}</annotations>"


def test_tracks_over_a_task_of_images_go_by_the_order_of_names(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        put_picture(tmp_path / "images" / name)
    path = put(tmp_path / "t.xml", one_task(3, track(7, 2)))
    assert [found.path.name for found in read_annotations(path).images] == ["c.png"]
    put(path, one_task(4, track(7, 2)))
    with pytest.raises(AnnotationError, match="expected the annotated video"):
        read_annotations(path)
    put(path, one_task(3, track(7, 5)))
    with pytest.raises(AnnotationError, match=r"frame 5 is annotated, but .* has 3 images"):
        read_annotations(path)


def test_tracks_over_images_of_an_order_that_nothing_tells(tmp_path):
    for name in ("2.png", "10.png"):
        put_picture(tmp_path / "images" / name)
    path = put(tmp_path / "t.xml", one_task(2, track(7, 1)))
    with pytest.raises(AnnotationError, match="not the same by name and by number"):
        read_annotations(path)


def test_shapes_of_a_track_that_have_no_box_are_set_aside(tmp_path):
    write_greys(tmp_path / "a.mp4")
    line = '<track id="3" label="stop"><polyline frame="1" points="1,1;2,2"/></track>'
    path = put(tmp_path / "t.xml", one_task(3, track(7, 1) + line))
    dataset = read_annotations(path)
    assert [aside.what for aside in dataset.set_aside] == ["track 3 ('stop', polyline)"]
