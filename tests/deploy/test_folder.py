"""Portable folders: whole, unaltered, and with clients that find what our runtime finds."""

import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from drivemeta.cli.main import main
from drivemeta.deploy.folder import CLIENTS, TEMPLATES, write_folder
from drivemeta.deploy.verify_folder import verify_deployed
from drivemeta.errors import DriveMetaError, InputError, ModelFileError
from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime import OnnxDetector
from drivemeta.runtime.manifest import LICENCE


@pytest.fixture(scope="module")
def deployed(tiny_model, tmp_path_factory):
    return write_folder(tiny_model, tmp_path_factory.mktemp("out") / "signs")


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    path = tmp_path_factory.mktemp("frames") / "frame.png"
    cv2.imwrite(str(path), draw_scene((180, 320), 3))
    return path


def equal(objects, found):
    assert len(found) > 0
    assert [each["name"] for each in objects] == list(found.names)
    np.testing.assert_allclose([each["score"] for each in objects], found.scores, atol=1e-4)
    np.testing.assert_allclose([each["box"] for each in objects], found.boxes, atol=0.05)


def ours(folder, frame):
    image = cv2.imread(str(frame))
    return OnnxDetector(folder / "model.onnx", provider="cpu")([image])[0]


def run(words, folder):
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout.strip().splitlines()


def test_the_python_client_finds_what_we_find(deployed, frame):
    words = [sys.executable, "client.py", str(frame)]
    (line,) = run(words, deployed)
    equal(json.loads(line)["objects"], ours(deployed, frame))
    (line,) = run([*words, "--min-score", "0.05"], deployed)
    image = cv2.imread(str(frame))
    found = OnnxDetector(deployed / "model.onnx", provider="cpu")([image], 0.05)[0]
    equal(json.loads(line)["objects"], found)


def test_the_python_client_is_short_and_needs_three_packages():
    text = (TEMPLATES / "client.py").read_text()
    assert len(text.splitlines()) <= 40
    assert "drivemeta" not in text.replace('"drivemeta"', "")


def to_ppm(frame, folder):
    path = folder / "frame.ppm"
    cv2.imwrite(str(path), cv2.imread(str(frame)))
    return path


@pytest.mark.slow
def test_the_node_client_finds_what_we_find(deployed, frame, tmp_path):
    if shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    folder = tmp_path / "node"
    shutil.copytree(deployed, folder)
    words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
    installed = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.skip(f"npm cannot install onnxruntime-node here: {installed.stderr[-200:]}")
    (line,) = run(["node", "client.mjs", str(to_ppm(frame, tmp_path))], folder)
    equal(json.loads(line)["objects"], ours(deployed, frame))


@pytest.mark.slow
def test_the_cpp_client_finds_what_we_find(deployed, frame, tmp_path):
    if "ORT_HOME" not in os.environ or shutil.which("cmake") is None:
        pytest.skip("ORT_HOME names no release of ONNX Runtime, or cmake is missing")
    folder = tmp_path / "cpp"
    shutil.copytree(deployed, folder)
    run(["cmake", "-B", "build", "-DCMAKE_BUILD_TYPE=Release"], folder)
    run(["cmake", "--build", "build"], folder)
    lines = [
        line.split("\t") for line in run(["build/client", str(to_ppm(frame, tmp_path))], folder)
    ]
    objects = [
        {"name": cells[1], "score": float(cells[2]), "box": [float(x) for x in cells[3:]]}
        for cells in lines
    ]
    equal(objects, ours(deployed, frame))


def test_a_folder_is_complete_and_verified(deployed, tiny_model):
    files = {path.name for path in deployed.iterdir()}
    assert files == {
        "model.onnx",
        "manifest.json",
        "labels.txt",
        "requirements.txt",
        "README.md",
        "SHA256SUMS",
        *CLIENTS,
    }
    for name in ("README.md", "manifest.json"):
        assert LICENCE in (deployed / name).read_text()
    (report,) = verify_deployed(deployed, "cpu")
    assert report.n_rows >= 5
    assert (deployed / "model.onnx").read_bytes() == tiny_model.read_bytes()
    if shutil.which("sha256sum"):
        run(["sha256sum", "-c", "SHA256SUMS"], deployed)


def changed(deployed, tmp_path, name, edit):
    folder = tmp_path / "changed"
    shutil.copytree(deployed, folder)
    edit(folder / name)
    return folder


@pytest.mark.parametrize("name", ["model.onnx", "client.py", "labels.txt"])
def test_a_changed_or_missing_file_is_found(deployed, tmp_path, name):
    folder = changed(deployed, tmp_path, name, lambda p: p.write_bytes(p.read_bytes() + b"\n"))
    with pytest.raises(ModelFileError, match=f"{name} was changed"):
        verify_deployed(folder, "cpu")
    (folder / name).unlink()
    with pytest.raises(ModelFileError, match=name):
        verify_deployed(folder, "cpu")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no file"),
        ("nonsense\n", "line 1: expected a sum"),
        ("0" * 64 + "  ../../etc/passwd\n", "lies outside the folder"),
        ("0" * 64 + "  /etc/passwd\n", "lies outside the folder"),
    ],
)
def test_sums_that_cannot_be(deployed, tmp_path, text, message):
    folder = changed(deployed, tmp_path, "SHA256SUMS", lambda p: p.write_text(text))
    with pytest.raises(ModelFileError, match=message):
        verify_deployed(folder, "cpu")


def test_what_is_no_deployed_folder(tmp_path):
    with pytest.raises(ModelFileError, match="found neither"):
        verify_deployed(tmp_path, "cpu")


def test_a_folder_that_is_there_stays_unless_replaced(tiny_model, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep me")
    with pytest.raises(InputError, match="--replace"):
        write_folder(tiny_model, out)
    assert (out / "mine.txt").is_file()
    write_folder(tiny_model, out, replace=True)
    assert not (out / "mine.txt").exists()
    assert list(tmp_path.iterdir()) == [out]


def test_nothing_half_written_stays(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"none")
    with pytest.raises(DriveMetaError):
        write_folder(tmp_path / "bad.onnx", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.onnx"]


def test_the_command_deploys_and_verify_takes_the_folder(tiny_model, tmp_path, capsys):
    for words in (
        ["deploy", tiny_model, "--out", tmp_path / "out", "--json"],
        ["verify", tmp_path / "out", "--provider", "cpu", "--json"],
    ):
        with pytest.raises(SystemExit) as done:
            main([str(word) for word in words])
        assert not done.value.code
        report = json.loads(capsys.readouterr().out)
        assert report.get("verified", report)["n_rows"] >= 5
