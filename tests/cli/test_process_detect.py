"""`process` and `detect` from the command line, on good and bad input."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from faster_coco_eval import COCO
from PIL import Image

from drivemeta.cli import main as cli
from drivemeta.export.probe_scene import draw_scene
from drivemeta.video.journal import Journal
from tests.helpers.cli import call
from tests.helpers.videos import encode_video, moving

N_FRAMES = 8


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return np.ascontiguousarray(draw_scene()[:192, :256])


@pytest.fixture
def video(tmp_path, scene) -> Path:
    return encode_video(tmp_path / "clip.mp4", moving(scene, N_FRAMES))


@pytest.fixture
def photos(tmp_path, scene) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.jpg", "b.png"):
        cv2.imwrite(str(folder / name), scene)
    return folder


def refused(capsys, *words: object) -> str:
    """Return the one message with which a command refuses."""
    assert call(*words) in (1, 2)
    message = capsys.readouterr().err
    assert "Traceback" not in message
    return message


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


PANELS = {
    "process": {
        "Part and classes": 5,
        "Detection and tracking": 7,
        "Output": 5,
        "Performance": 7,
    },
    "adapt": {"Support set": 5, "Learning": 5, "What to start from": 3, "Output": 3},
    "export": {
        "Form of the model": 5,
        "Calibration of int8": 3,
        "AP50 before and after int8": 6,
    },
    "bench": {"Settings compared": 5, "Frames": 2, "Measuring": 3},
}


@pytest.mark.parametrize("name", PANELS)
def test_the_options_of_long_commands_stand_in_panels(name):
    command = cli.load_command(name)
    panels = Counter(getattr(each, "rich_help_panel", None) for each in command.params)
    assert panels.pop(None) <= 9  # what other commands have too
    assert panels == PANELS[name]


def test_every_option_of_process_reaches_the_job(monkeypatch, tmp_path, tiny_model):
    jobs = []
    monkeypatch.setattr("drivemeta.cli.process._process_one", lambda job, _json: jobs.append(job))
    given = {
        "tracker": ("none", "none"),
        "every": ("3", 3),
        "batch": ("2", 2),
        "min_score": ("0.25", 0.25),
        "classes": ("a,b", ("a", "b")),
        "provider": ("cpu", "cpu"),
        "start_s": ("0:01.5", 1.5),
        "end_s": ("1:2:3", 3723.0),
        "roi": ("0,0,1,0.5", (0, 0, 1, 0.5)),
        "tiles": ("1x2", (1, 2)),
        "tile_merge": ("wbf", "wbf"),
        "max_latency_ms": ("40", 40),
        "workers": ("2", 2),
        "scheduler": ("rl2", "rl2"),
        "small_model": ("s.onnx", "s.onnx"),
    }
    words = ["process", "clip.mp4", "--out", tmp_path, "--model", tiny_model, "--set", "csv.name=x"]
    words += ["--sinks", "csv", "--fresh"]
    for name, (text, _) in given.items():
        words += [f"--{name.removesuffix('_s').replace('_', '-')}", text]
    assert call(*words) == 0
    (job,) = jobs
    assert vars(job.options) == {name: value for name, (_, value) in given.items()} | {
        "settings": {"csv": {"name": "x"}}
    }
    assert (job.source, job.out, job.model) == ("clip.mp4", tmp_path, tiny_model)
    assert (job.sinks, job.fresh) == (("csv",), True)


def test_process_writes_video_lines_and_summary(video, tiny_model, tmp_path, capsys):
    out = tmp_path / "run"
    assert call("process", video, "--model", tiny_model, "--out", out, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary == json.loads((out / "summary.json").read_text())
    assert summary["frames"] == N_FRAMES
    assert summary["provider"]
    assert files_in(out) == {"annotated.mp4", "detections.jsonl", "summary.json"}
    lines = [json.loads(line) for line in (out / "detections.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(N_FRAMES))
    assert sum(summary["detections"].values()) == sum(len(line["objects"]) for line in lines)
    with av.open(str(out / "annotated.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == N_FRAMES


def test_process_takes_a_folder_and_runs_again_into_the_same(photos, tiny_model, tmp_path):
    words = ("process", photos, "--model", tiny_model, "--out", tmp_path / "run")
    assert call(*words, "--sinks", "jsonl") == 0
    assert call(*words, "--sinks", "jsonl", "--tracker", "none", "--every", "2") == 0
    assert files_in(tmp_path / "run") == {"detections.jsonl", "summary.json"}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--tracker", "botsrt"), "botsort"),
        (("--sinks", "jsnl"), "jsonl"),
        (("--roi", "1,2,3"), "x1,y1,x2,y2"),
        (("--roi", "5,0,4,1"), "--roi"),
        (("--tiles", "2"), "2x2"),
        (("--tiles", "50x50"), "at most 64"),
        (("--workers", "1000"), "workers"),
        (("--jobs", "1000"), "jobs"),
        (("--batch", "100000"), "batch"),
        (("--sinks", ""), "known: "),
        (("--start", "1:75"), "0:01:30"),
        (("--end", "nan"), "--end"),
        (("--start", "3", "--end", "2"), "--start"),
        (("--max-latency-ms", "5"), "live"),
        (("--classes", "no_such_class"), "no_such_class"),
        (("--provider", "cud"), "cuda"),
        (("--encoder", "vp0"), "h264"),
        (("--every", "0"), "every"),
    ],
)
def test_process_refuses_misspelt_options(words, hint, video, tiny_model, tmp_path, capsys):
    out = tmp_path / "run"
    message = refused(capsys, "process", video, "--model", tiny_model, "--out", out, *words)
    assert hint in message
    assert not files_in(out)


def test_process_refuses_a_start_after_the_end_and_another_command_may_follow(
    video, tiny_model, tmp_path, capsys
):
    words = ("process", video, "--model", tiny_model, "--out", tmp_path / "run")
    message = refused(capsys, *words, "--start", "99")
    assert "whose last frame is at" in message
    assert "99" in message
    assert not {"annotated.mp4", "detections.jsonl", "journal.bin"} & files_in(tmp_path / "run")
    assert call(*words, "--sinks", "jsonl", "--start", "0.2") == 0


@pytest.mark.parametrize("content", [b"", b"no video " * 200, None])
def test_process_refuses_what_is_no_video(content, tiny_model, tmp_path, capsys):
    path = tmp_path / "bad.mp4"
    if content is not None:
        path.write_bytes(content)
    out = tmp_path / "run"
    assert "bad.mp4" in refused(capsys, "process", path, "--model", tiny_model, "--out", out)
    assert not out.exists()


def test_process_refuses_a_folder_without_images(tiny_model, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    words = ("--model", tiny_model, "--out", tmp_path / "run")
    assert "empty" in refused(capsys, "process", tmp_path / "empty", *words)


def test_process_refuses_a_corrupted_model(video, tmp_path, capsys):
    model = tmp_path / "bad.onnx"
    model.write_bytes(b"junk" * 100)
    out = tmp_path / "run"
    assert "bad.onnx" in refused(capsys, "process", video, "--model", model, "--out", out)
    assert not files_in(out)


@pytest.mark.parametrize("command", ["process", "detect"])
def test_a_file_in_place_of_the_folder_is_left_alone(
    command, video, photos, tiny_model, tmp_path, capsys
):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    source = video if command == "process" else photos
    assert "taken" in refused(capsys, command, source, "--model", tiny_model, "--out", taken)
    assert taken.read_text() == "mine"


def test_process_ends_well_when_interrupted(scene, tiny_model, tmp_path):
    video = encode_video(tmp_path / "long.mp4", moving(scene, 1500))
    out = tmp_path / "run"
    words = ["process", str(video), "--model", str(tiny_model), "--out", str(out)]
    running = subprocess.Popen([sys.executable, "-m", "drivemeta.cli.main", *words])
    part = out / "detections.jsonl.part"
    give_up = time.monotonic() + 90
    while not (part.exists() and part.stat().st_size) and time.monotonic() < give_up:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 1
    assert json.loads((out / "summary.json").read_text())["interrupted"]
    n_lines = len((out / "detections.jsonl").read_text().splitlines())
    with av.open(str(out / "annotated.mp4")) as container:
        n_frames = sum(1 for _ in container.decode(video=0))
    assert 0 < n_lines < 1500
    assert abs(n_frames - n_lines) <= 1


def test_process_refuses_the_folder_of_another_unfinished_run(video, tiny_model, tmp_path, capsys):
    out = tmp_path / "run"
    words = ["process", video, "--model", tiny_model, "--sinks", "jsonl", "--out", out]
    identity = {"model": "another", "input": "", "options": {}, "sinks": []}
    Journal(out, identity, ()).close()
    message = refused(capsys, *words)
    assert "--fresh" in message
    assert "model" in message
    assert call(*words, "--fresh") == 0
    assert files_in(out) == {"detections.jsonl", "summary.json"}


def test_process_looks_where_it_is_told(video, tiny_model, tmp_path):
    out = tmp_path / "run"
    words = ["process", video, "--model", tiny_model, "--sinks", "jsonl", "--out", out]
    more = ["--start", "0.2", "--end", "0.5", "--roi", "0,0,0.5,1", "--tiles", "1x2"]
    assert call(*words, *more) == 0
    lines = [json.loads(line) for line in (out / "detections.jsonl").read_text().splitlines()]
    assert [line["time_s"] for line in lines] == [0.2, 0.3, 0.4]
    assert [line["frame"] for line in lines] == [0, 1, 2]
    assert all(o["box"][2] <= 128.5 for line in lines for o in line["objects"])


def test_detect_writes_pictures_lists_and_pre_labels(photos, tiny_model, tmp_path):
    (photos / "broken.jpg").write_bytes(b"no image")
    out = tmp_path / "found"
    assert call("detect", photos, "--model", tiny_model, "--out", out) == 0
    pictures = {"a.png", "b.jpg.png", "b.png.png"}
    assert files_in(out) == {*pictures, "detections.json", "coco.json"}
    listed = json.loads((out / "detections.json").read_text())
    assert listed["unreadable"] == ["broken.jpg"]
    least = [min((o["score"] for o in image["objects"]), default=2) for image in listed["images"]]
    assert least == sorted(least)
    coco = COCO(str(out / "coco.json"))
    assert len(coco.getImgIds()) == 3
    assert len(coco.getAnnIds()) == sum(len(image["objects"]) for image in listed["images"]) > 0


def test_detect_takes_one_image(photos, tiny_model, tmp_path, capsys):
    words = ("--model", tiny_model, "--out", tmp_path / "found", "--json")
    assert call("detect", photos / "a.png", *words) == 0
    assert [image["file_name"] for image in json.loads(capsys.readouterr().out)["images"]] == [
        "a.png"
    ]


def test_detect_never_writes_over_its_images(photos, tiny_model, capsys):
    before = (photos / "a.png").read_bytes()
    assert "photos" in refused(capsys, "detect", photos, "--model", tiny_model, "--out", photos)
    assert (photos / "a.png").read_bytes() == before


def test_detect_refuses_an_unreadable_image(tiny_model, tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"junk")
    words = ("--model", tiny_model, "--out", tmp_path / "found")
    assert "bad.png" in refused(capsys, "detect", tmp_path / "bad.png", *words)
    assert not files_in(tmp_path / "found")


def test_the_base_names_signs_when_asked(photos, tmp_path, capsys):
    out = tmp_path / "found"
    assert call("detect", photos, "--name", "signs", "--out", out) == 0
    assert "no_entry" in {
        c["name"] for c in json.loads((out / "coco.json").read_text())["categories"]
    }


def test_detect_stretches_when_told(tiny_model, tmp_path):
    deep = np.linspace(21000, 21600, 128 * 192).astype(np.uint16).reshape(128, 192)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    words = ("detect", tmp_path / "deep.png", "--model", tiny_model, "--provider", "cpu")
    seen = []
    for name, more in (("stored", ()), ("stretched", ("--stretch",))):
        assert call(*words, *more, "--min-score", "1", "--out", tmp_path / name) == 0
        picture = cv2.imread(str(tmp_path / name / "deep.png"))
        seen.append((picture.min(), picture.max()))
    assert seen == [(82, 84), (0, 255)]


def test_detect_of_a_video_points_to_process(video, photos, tiny_model, tmp_path, capsys):
    words = ("--model", tiny_model, "--out", tmp_path / "found")
    for place in (video, video.parent, "rtsp://camera"):
        message = refused(capsys, "detect", place, *words)
        assert f"`drivemeta process {place}".removesuffix("//camera") in message
    assert not (tmp_path / "found").exists()


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt"])
def test_weights_in_place_of_a_model_are_called_so(name, photos, tmp_path, capsys):
    weights = tmp_path / name
    weights.write_bytes(b"x")
    message = refused(capsys, "detect", photos, "--model", weights, "--out", tmp_path / "found")
    assert "found weights at" in message
    assert "drivemeta export" in message


def test_kinds_to_name_are_checked(photos, tiny_model, tmp_path, capsys):
    words = ("--out", tmp_path / "found")
    told = refused(capsys, "detect", photos, "--name", "sings", *words)
    assert "did you mean 'signs'" in told
    told = refused(capsys, "detect", photos, "--name", "signs", "--model", tiny_model, *words)
    assert "expected a model whose embedding is the shipped base's" in told
