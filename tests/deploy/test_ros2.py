"""A package of ROS 2: whole, and a node whose logic finds what our own runtime finds."""

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from drivemeta.banks.edit import remove_classes, rename_classes
from drivemeta.cli.main import main
from drivemeta.deploy.checksums import check_checksums
from drivemeta.deploy.ros2 import write_ros2
from drivemeta.deploy.verify_folder import verify_deployed
from drivemeta.errors import InputError, ModelFileError
from drivemeta.export.edit_classes import edit_model
from drivemeta.export.precision.rewrite import Change, rewrite_model
from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime import OnnxDetector
from drivemeta.runtime.model_file import bank_of, read_model_file

NAME, SIZE = "road_signs", (180, 320)
ROUND_TRIP = Path(__file__).parents[1] / "helpers" / "ros2_round_trip.py"


@pytest.fixture(scope="module")
def package(tiny_model, tmp_path_factory):
    return write_ros2(tiny_model, tmp_path_factory.mktemp("src"), NAME)


@pytest.fixture(scope="module")
def other(tiny_model, tmp_path_factory):
    """A model of the same base with a class fewer and another of another name."""
    path = tmp_path_factory.mktemp("other") / "other.onnx"

    def edited(bank):
        return rename_classes(remove_classes(bank, ["leaf5"]), {"leaf1": "stop"})

    edit_model(tiny_model, path, edited)
    return path


@pytest.fixture(scope="module")
def baked(other):
    """The same with its bank baked in: the rows lie in the file without room for more."""
    path = other.with_name("baked.onnx")
    rewrite_model(other, path, Change(mode="baked"))
    return path


@pytest.fixture(scope="module")
def part(package):
    """Return a function that imports a module of the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(package))
        yield lambda name: import_module(f"{NAME}.{name}")


@pytest.fixture
def frame():
    return draw_scene(SIZE, 3)


def equal(found, expected):
    assert len(expected) > 0
    assert [found.names[label] for label in found.labels] == list(expected.names)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)


def image(encoding, rows, padding=0):
    """Return an `Image` of rows of bytes."""
    height, step = rows.shape
    data = np.pad(rows, ((0, 0), (0, padding))).tobytes()
    width = step // {"mono8": 1, "rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4}.get(encoding, 2)
    return SimpleNamespace(
        height=height, width=width, step=step + padding, encoding=encoding, data=data
    )


CONVERSIONS = {  # to what a camera sends, and back as our own reader of bags does it
    "bgr8": (None, None),
    "rgb8": (cv2.COLOR_BGR2RGB, cv2.COLOR_RGB2BGR),
    "bgra8": (cv2.COLOR_BGR2BGRA, cv2.COLOR_BGRA2BGR),
    "rgba8": (cv2.COLOR_BGR2RGBA, cv2.COLOR_RGBA2BGR),
    "mono8": (cv2.COLOR_BGR2GRAY, cv2.COLOR_GRAY2BGR),
    "yuv422": (cv2.COLOR_BGR2YUV_UYVY, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": (cv2.COLOR_BGR2YUV_YUY2, cv2.COLOR_YUV2BGR_YUY2),
}


@pytest.mark.parametrize("padding", [0, 7])
@pytest.mark.parametrize("encoding", CONVERSIONS)
def test_images_become_the_frames_that_our_own_reader_gives(part, frame, encoding, padding):
    there, back = CONVERSIONS[encoding]
    sent = frame if there is None else cv2.cvtColor(frame, there)
    expected = sent if back is None else cv2.cvtColor(sent, back)
    found = part("images").to_frame(image(encoding, sent.reshape(SIZE[0], -1), padding))
    assert (found.dtype, found.flags.c_contiguous) == (np.uint8, True)
    off = np.abs(found.astype(int) - expected)
    assert off.max() <= (1 if encoding.startswith("yuv") else 0)


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_compressed_images_are_decoded(part, frame, ending):
    data = cv2.imencode(ending, frame)[1].tobytes()
    found = part("images").to_frame(SimpleNamespace(format=ending, data=data))
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(found.astype(int) - expected).mean() <= (0.5 if ending == ".jpg" else 0)


def test_images_that_cannot_be_read_are_told(part, frame):
    images = part("images")
    whole = image("bgr8", frame.reshape(SIZE[0], -1))
    for broken, said in (
        ({"encoding": "32FC1"}, "found '32FC1'"),
        ({"data": whole.data[:-1]}, "180 rows of 960 bytes for 320 pixels of bgr8"),
        ({"step": 10}, "180 rows of 10 bytes"),
        ({"height": 0}, "0 rows"),
        ({"encoding": "yuv422", "width": 321}, "an even width"),
    ):
        with pytest.raises(images.ImageError, match=said):
            images.to_frame(SimpleNamespace(**{**vars(whole), **broken}))
    deep = cv2.imencode(".png", np.zeros((4, 4), np.uint16))[1].tobytes()
    for data, form, said in (
        (b"none", "jpeg", "no picture that Pillow reads, 'jpeg'"),
        (deep, "png", "expected 8 bits"),
        (b"", "16UC1; compressedDepth png", "expected a picture"),
    ):
        with pytest.raises(images.ImageError, match=said):
            images.to_frame(SimpleNamespace(format=form, data=data))


def test_the_node_finds_what_our_runtime_finds(part, package, frame):
    detector = part("detector").RunningModel(package / "models" / "model.onnx", "cpu")
    ours = OnnxDetector(package / "models" / "model.onnx", provider="cpu")
    assert (detector.provider, tuple(detector.names)) == ("cpu", ours.classes)
    equal(detector(frame), ours([frame])[0])
    detector.set_threshold(0.05)
    equal(detector(frame), ours([frame], 0.05)[0])
    detector.set_threshold(None)
    equal(detector(frame), ours([frame])[0])


@pytest.mark.parametrize("provider", ["nonesuch", "tensorrt"])
def test_a_provider_that_does_not_run_is_told(part, package, provider):
    with pytest.raises(Exception, match=r"provider|Provider|expected auto"):
        part("detector").RunningModel(package / "models" / "model.onnx", provider)


@pytest.mark.parametrize("mode", ["other", "baked"])
def test_another_bank_is_fed_while_it_runs(part, package, frame, mode, request):
    other = request.getfixturevalue(mode)
    detector = part("detector").RunningModel(package / "models" / "model.onnx", "cpu")
    ours = OnnxDetector(package / "models" / "model.onnx", provider="cpu")
    before = ours([frame])[0]
    ours.set_bank(bank_of(read_model_file(other)))
    detector.set_bank(other)
    assert tuple(detector.names) == ours.classes
    assert "stop" in detector.names
    equal(detector(frame), ours([frame])[0])
    detector.set_threshold(0.05)
    equal(detector(frame), ours([frame], 0.05)[0])
    detector.set_threshold(None)
    detector.set_bank("")
    equal(detector(frame), before)


def test_a_bank_that_does_not_fit_is_refused_and_the_one_before_goes_on(
    part, package, other, baked, frame, tmp_path
):
    error = part("bank_file").BankError
    detector = part("detector").RunningModel(package / "models" / "model.onnx", "cpu")
    before = detector(frame)
    stranger = tmp_path / "stranger.onnx"
    weights = read_model_file(other).manifest.digests.weights.encode()
    stranger.write_bytes(other.read_bytes().replace(weights, b"0" * len(weights)))
    (tmp_path / "none.onnx").write_bytes(b"no model")
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(other.read_bytes()[:-100_000])
    for path, said in (
        (stranger, "from another base"),
        (tmp_path / "none.onnx", "expected a model of DriveMeta"),
        (cut, "cannot read"),
        (tmp_path / "nothing.onnx", "No such file"),
    ):
        with pytest.raises(error, match=said):
            detector.set_bank(path)
        assert detector(frame).scores.tolist() == before.scores.tolist()
    with pytest.raises(error, match="--bank fed"):
        part("detector").RunningModel(baked, "cpu").set_bank(other)


def test_the_newest_message_takes_the_place_of_what_waits(part):
    newest = part("detector").Newest()
    for message in ("a", "b", "c"):
        newest.put(message)
    assert (newest.take(), newest.n_dropped) == ("c", 2)
    newest.put("d")
    assert (newest.take(), newest.n_dropped) == ("d", 2)
    newest.close()
    assert newest.take() is None


def test_the_health_tells_the_rate_and_problems_of_the_last_seconds(part):
    now = [0.0]
    health = part("detector").Health(lambda: now[0])
    for _ in range(10):
        now[0] += 0.5
        health.frame()
    health.problem("no picture")
    assert (health.fps(), health.recent_problem(), health.n_frames) == (2.0, "no picture", 10)
    now[0] += 5.5
    assert (health.fps(), health.recent_problem(), health.n_problems) == (0.0, "", 1)


def test_a_package_is_whole_and_verified(package, tiny_model):
    files = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert {path for path in files if "__pycache__" not in path} == {
        *("package.xml", "setup.py", "setup.cfg", "README.md", "SHA256SUMS"),
        *("launch/detect.launch.py", "models/model.onnx", f"resource/{NAME}"),
        *(f"{NAME}/{name}.py" for name in ("__init__", "bank_file", "detector", "images", "node")),
    }
    for path in package.rglob("*.*"):
        if path.suffix in (".py", ".xml", ".cfg", ".md"):
            text = path.read_text("utf-8")
            assert "drivemeta_detector" not in text, path
            assert "@" not in text or path.name in ("package.xml", "detector.py", "node.py"), path
    assert (package / "models" / "model.onnx").read_bytes() == tiny_model.read_bytes()
    for path in package.rglob("*.py"):
        compile(path.read_text("utf-8"), str(path), "exec")


def test_a_changed_file_is_found_but_the_description_is_the_users(package, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(package, folder)
    (folder / "package.xml").write_text("<package/>")
    assert check_checksums(folder)
    (folder / NAME / "node.py").write_text("pass\n")
    with pytest.raises(ModelFileError, match=r"node\.py was changed"):
        verify_deployed(folder, "cpu")


@pytest.mark.parametrize("name", ["Signs", "1st", "a__b", "a-b", "x", "a/b", "a_"])
def test_a_name_that_no_package_may_have_is_refused(tiny_model, tmp_path, name):
    with pytest.raises(InputError, match="--name: expected a package's name"):
        write_ros2(tiny_model, tmp_path, name)
    assert not list(tmp_path.iterdir())


def test_the_command_deploys_a_package(tiny_model, tmp_path, capsys):
    words = ["deploy", tiny_model, "--target", "ros2", "--out", tmp_path, "--json"]
    with pytest.raises(SystemExit) as done:
        main([str(word) for word in words])
    assert not done.value.code
    report = json.loads(capsys.readouterr().out)
    assert report["path"] == str(tmp_path / "drivemeta_detector")
    assert report["verified"]["n_rows"] >= 5


@pytest.mark.slow
def test_the_node_in_ros_2(package, other, frame, tmp_path):
    """A publisher and subscribers of rclpy round the node, in an interpreter that has them."""
    python = os.environ.get("DRIVEMETA_ROS_PYTHON")
    if python is None and not (find_spec("rclpy") and find_spec("vision_msgs")):
        pytest.skip("DRIVEMETA_ROS_PYTHON names no interpreter with rclpy and vision_msgs")
    np.save(tmp_path / "frame.npy", frame)
    words = [python or sys.executable, ROUND_TRIP, package, tmp_path / "frame.npy", other]
    near = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_LOG_DIR": str(tmp_path)}
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        env={**os.environ, **near},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    ours = OnnxDetector(package / "models" / "model.onnx", provider="cpu")
    for key in ("before", "after", "above"):
        assert told[key]["stamp"] == [1_700_000_000, 123_456_789]
        assert told[key]["frame_id"] == "camera_front"
    same(told["before"]["rows"], ours([frame])[0])
    ours.set_bank(bank_of(read_model_file(other)))
    same(told["after"]["rows"], ours([frame])[0])
    same(told["above"]["rows"], ours([frame], 0.999)[0])
    assert told["set"] == told["threshold"] == [True, ""]
    assert not told["refused"][0]
    assert "expected a model of DriveMeta" in told["refused"][1]
    assert told["fixed"] == [False, "image_topic can be set at the start only"]
    assert told["diagnostics"]["provider"] == "cpu"
    assert int(told["diagnostics"]["frames"]) >= 5
    assert told["labels"][-1] == list(ours.classes)


def same(rows, found):
    assert [row["name"] for row in rows] == list(found.names)
    np.testing.assert_allclose([row["score"] for row in rows], found.scores, atol=1e-5)
    np.testing.assert_allclose(
        np.reshape([row["box"] for row in rows], (-1, 4)), found.boxes, atol=1e-3
    )
