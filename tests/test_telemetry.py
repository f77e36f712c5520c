"""ONNX Runtime's packages report to their maker: not under DriveMeta, which calls nobody."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from drivemeta.deploy.folder import write_folder
from drivemeta.export.probe_scene import draw_scene

ROOT = Path(__file__).parents[1]
MAIN = "from drivemeta.cli.main import main; main()"
STRACE = ["strace", "-f", "--seccomp-bpf", "-e", "trace=connect,sendto,openat", "-o"]
# a packet to somewhere, a name looked up, the database in which reports wait
CALLS = re.compile(r"sa_family=AF_INET|/etc/resolv\.conf|onnxruntime\.db")
# where ONNX Runtime keeps silent by itself
UNSET = ("ORT_DISABLE_TELEMETRY", "CI", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TF_BUILD")
COMMANDS = {
    "adapt": "support.json --out a.onnx",
    "bank": "list m.onnx",
    "bench": "m.onnx --threads 1 --rounds 1 --warmup 0",
    "check": "support.json",
    "deploy": "m.onnx --out deployed",
    "detect": "0.png --model m.onnx --out found",
    "doctor": "",
    "eval": "--data support.json --model m.onnx --map map.yaml",
    "export": "m.onnx --precision fp16 --out half.onnx",
    "process": "pictures --model m.onnx --out run --scheduler rl2",
    "verify": "m.onnx",
}


@pytest.fixture(scope="module")
def place(tiny_model, tmp_path_factory):
    """A folder with a model, a picture and a support set of it."""
    folder = tmp_path_factory.mktemp("place")
    shutil.copy(tiny_model, folder / "m.onnx")
    (folder / "pictures").mkdir()
    for name in ("0.png", "pictures/0.png"):
        cv2.imwrite(str(folder / name), draw_scene((240, 320)))
    box = {"id": 0, "image_id": 0, "category_id": 0, "bbox": [60, 90, 40, 40]}
    image = {"id": 0, "file_name": "0.png", "width": 320, "height": 240}
    coco = {"images": [image], "annotations": [box], "categories": [{"id": 0, "name": "rocks"}]}
    (folder / "support.json").write_text(json.dumps(coco))
    (folder / "map.yaml").write_text("rocks: traffic_sign\n")
    return folder


def calls_of(place, *words):
    """Return the system calls by which Python, given these words, reaches out."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = place / "calls.txt"
    own = {"XDG_CACHE_HOME": str(place / "cache"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*STRACE, log, sys.executable, *words],
        cwd=place,
        env={name: value for name, value in os.environ.items() if name not in UNSET} | own,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "PTRACE" in done.stderr:
        pytest.skip("nobody may trace here")
    assert done.returncode == 0, done.stderr
    return [line for line in log.read_text().splitlines() if CALLS.search(line)]


def test_verify_reaches_out_to_nobody(place):
    assert calls_of(place, "-c", MAIN, "verify", "m.onnx") == []


def test_the_client_of_a_deployed_folder_reaches_out_to_nobody(place, tiny_model):
    client = write_folder(tiny_model, place / "folder") / "client.py"
    assert calls_of(place, client, "0.png") == []


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_reaches_out_to_anybody(place, command):
    assert calls_of(place, "-c", MAIN, command, *COMMANDS[command].split()) == []


@pytest.mark.slow
def test_a_session_that_stays_open_reaches_out_to_nobody(place):
    stay = "OnnxDetector('m.onnx', provider='cpu').warm_up(); time.sleep(12)"  # it would after nine
    assert calls_of(place, "-c", f"import time; from drivemeta import OnnxDetector; {stay}") == []
