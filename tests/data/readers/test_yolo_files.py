"""Names, pictures and text files of a YOLO set belong together, or it is refused."""

import shutil

import pytest

from drivemeta.data.readers import read_annotations, read_yolo
from drivemeta.errors import AnnotationError
from tests.helpers.annotated import put, put_picture

LINE = "1 0.5 0.5 0.25 0.5"
NAMES = "names: [stop, yield]\n"


def labelled(root, *names, images="images", labels="labels"):
    for name in names:
        put_picture(root / images / f"{name}.png")
        put(root / labels / f"{name}.txt", LINE)
    return root


def found(path, **more):
    dataset = read_yolo(path, **more)
    return {image.path.stem: len(image) for image in dataset.images}, dataset


@pytest.mark.parametrize("at", ["labels/classes.txt", "classes.txt", "Labels/classes.txt"])
def test_names_lie_beside_or_among_the_labels(tmp_path, at):
    put(labelled(tmp_path, "a", labels=at.split("/")[0] if "/" in at else "labels") / at, "no\nyes")
    assert read_annotations(tmp_path).n_boxes() == {"no": 0, "yes": 1}


def test_a_yaml_of_any_name(tmp_path):
    put(labelled(tmp_path, "a") / "signs.yaml", NAMES)
    put(tmp_path / "hyper.yaml", "lr: 0.1")
    assert read_annotations(tmp_path).classes == ("stop", "yield")


@pytest.mark.parametrize("name", ["signs.names", "train/_darknet.labels", "train/classes.txt"])
def test_names_as_darknet_and_roboflow_keep_them(tmp_path, name):
    put(labelled(tmp_path, "a", images="train", labels="train") / name, "stop\nyield\n")
    assert read_annotations(tmp_path).n_boxes() == {"stop": 0, "yield": 1}


def test_files_that_name_the_classes_differently(tmp_path):
    put(labelled(tmp_path, "a") / "data.yaml", NAMES)
    same = put(tmp_path / "classes.txt", "stop\nyield\n")
    assert len(read_annotations(tmp_path)) == 1
    put(same, "yield\nstop\n")
    with pytest.raises(AnnotationError, match=r"data\.yaml and classes\.txt name the classes diff"):
        read_annotations(tmp_path)
    assert read_annotations(tmp_path / "data.yaml").n_boxes()["yield"] == 1
    assert read_annotations(same).n_boxes()["stop"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nc: 3\n" + NAMES, "nc: 3, but names 2"),
        ("names: {1: stop, 2: yield}", "ids 0 to 1, found 1, 2"),
        ("names: {0: stop, 0: yield}", "the key '0' stands twice"),
        ("names: [a, b]\n" + NAMES, "the key 'names' stands twice"),
    ],
)
def test_numbers_of_classes_that_do_not_agree(tmp_path, text, words):
    put(labelled(tmp_path, "a") / "data.yaml", text)
    with pytest.raises(AnnotationError, match=words):
        read_yolo(tmp_path)


@pytest.mark.parametrize(
    "parts",
    [
        "path: .\ntrain: images/train\nval: images/train\n",
        "train: ../images/train\nval: ../images/valid\n",
        "train: [images/train, images/gone]\n",
        "path: .\ntrain: train.txt\n",
        "train: images\\train\n",
    ],
)
def test_the_parts_of_the_yaml_are_the_set(tmp_path, parts):
    put(labelled(tmp_path, "train/a", "more/b") / "data.yaml", parts + NAMES)
    put_picture(tmp_path / "images/more/unlabelled.png")
    put(tmp_path / "train.txt", "data/images/train/a.png\n")
    counts, dataset = found(tmp_path)
    assert counts == {"a": 1}
    assert dataset.images[0].attributes == {"split": "train"}
    (aside,) = dataset.set_aside
    assert aside.what == "2 pictures (b.png, unlabelled.png)"


@pytest.mark.parametrize("parts", ["train: ../../secret\n", "train: /secret\n", "train: {a: b}\n"])
def test_parts_that_are_not_there_leave_all_pictures(tmp_path, parts):
    labelled(tmp_path / "secret", "x")
    put(labelled(tmp_path / "set", "a") / "data.yaml", f"path: ../\n{parts}" + NAMES)
    assert found(tmp_path / "set")[0] == {"a": 1}


def test_a_list_that_names_a_picture_that_is_missing(tmp_path):
    put(labelled(tmp_path, "a") / "data.yaml", "train: train.txt\n" + NAMES)
    put(tmp_path / "train.txt", "./images/a.png\n./images/gone.png\n")
    with pytest.raises(AnnotationError, match=r"train\.txt: line 2: the image .* is missing"):
        read_yolo(tmp_path)


def test_pictures_elsewhere_have_their_labels_beside_them(tmp_path):
    yaml = put(tmp_path / "cfg/signs.yaml", "path: ../set\ntrain: images\n" + NAMES)
    labelled(tmp_path / "set", "a")
    with pytest.raises(AnnotationError, match="yaml names images: give their folder"):
        read_annotations(yaml)
    assert found(yaml, images=tmp_path / "set/images")[0] == {"a": 1}


def test_folders_of_capital_letters(tmp_path):
    put(labelled(tmp_path, "a", images="Images", labels="Labels") / "data.yaml", NAMES)
    assert found(tmp_path)[0] == {"a": 1}


def test_a_text_file_of_two_pictures_that_differ(tmp_path):
    put(labelled(tmp_path, "a") / "data.yaml", NAMES)
    put_picture(tmp_path / "images/a.jpg", seed=9)
    with pytest.raises(AnnotationError, match=r"may be of a\.jpg or of a\.png, which differ"):
        read_yolo(tmp_path)
    shutil.copy(tmp_path / "images/a.png", tmp_path / "images/a.jpg")
    assert len(read_yolo(tmp_path)) == 2


def test_two_text_files_of_one_picture(tmp_path):
    put(labelled(tmp_path, "a") / "data.yaml", NAMES)
    beside = put(tmp_path / "images/a.txt", LINE)
    assert found(tmp_path)[0] == {"a": 1}
    put(beside, "1 0.2 0.2 0.1 0.1")
    with pytest.raises(AnnotationError, match=r"labels/a\.txt and .*/a\.txt may be its boxes"):
        read_yolo(tmp_path)


def test_a_text_file_is_of_the_picture_in_its_letters(tmp_path):
    put(labelled(tmp_path, "a") / "data.yaml", NAMES)
    put_picture(tmp_path / "images/A.png")
    counts, dataset = found(tmp_path)
    assert counts == {"A": 0, "a": 1}
    assert "1 picture (A.png) has no file of annotations" in dataset.notes[0]


def test_text_files_of_pictures_that_are_not_there(tmp_path):
    put(labelled(tmp_path, "train/a") / "data.yaml", NAMES)
    put(tmp_path / "labels/val/b.txt", LINE)
    put(tmp_path / "notes/c.txt", "five boxes are left out")
    (aside,) = found(tmp_path)[1].set_aside
    assert aside.file == "labels/val/b.txt"


def test_parts_by_the_whole_path_of_a_set_given_as_a_relative_one(tmp_path, monkeypatch):
    put(
        labelled(tmp_path, "train/a", "b") / "data.yaml", f"train: {tmp_path}/images/train\n{NAMES}"
    )
    monkeypatch.chdir(tmp_path)
    assert found(".")[0] == {"a": 1}


@pytest.mark.parametrize("part", ["x" * 5000, '"a\\0b"'])
def test_parts_that_no_file_can_have(tmp_path, part):
    put(labelled(tmp_path, "a") / "data.yaml", f"train: {part}\n{NAMES}")
    assert found(tmp_path)[0] == {"a": 1}


@pytest.mark.parametrize("name", [".hidden/b.png", "b.gif"])
def test_parts_with_pictures_that_are_not_read(tmp_path, name):
    put(labelled(tmp_path, "a") / "data.yaml", f"train: train.txt\n{NAMES}")
    put_picture(tmp_path / name)
    put(tmp_path / "train.txt", name)
    with pytest.raises(AnnotationError, match="no picture that is read"):
        read_yolo(tmp_path)
