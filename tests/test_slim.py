"""`pip install drivemeta` alone, without the extra `adapt`, runs models and videos."""

import json

import cv2
import pytest

from tests.helpers.fresh import without_torch
from tests.helpers.small_model import small_model
from tests.helpers.videos import draw_frame, encode_video

CALL = """
import contextlib, io, json, sys
from drivemeta.cli.main import main

def call(words):
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
        try:
            main(words)
            code = 0
        except SystemExit as done:
            code = done.code or 0
    return code, heard.getvalue()

calls = json.loads({!r})
print(json.dumps([call(words) for words in calls]))
"""
NEEDS = "needs torch, which is not installed: pip install 'drivemeta[adapt]'"


def called(*commands):
    """Return exit code and output of commands, called in one process without torch."""
    words = json.dumps([[str(word) for word in command] for command in commands])
    return json.loads(without_torch(CALL.format(words)).splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, a clip and an image."""
    folder = tmp_path_factory.mktemp("slim")
    (folder / "model.onnx").write_bytes(small_model().SerializeToString())
    frames = [draw_frame(i, (96, 160)) for i in range(5)]
    encode_video(folder / "clip.mp4", frames)
    (folder / "images").mkdir()
    cv2.imwrite(str(folder / "images" / "a.png"), frames[0])
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 30]}
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 160, "height": 96}],
        "annotations": [box],
        "categories": [{"id": 1, "name": "vehicle"}],
    }
    (folder / "coco.json").write_text(json.dumps(coco))
    return folder


def test_nothing_that_runs_models_imports_torch():
    without_torch("""
import importlib, pkgutil
from drivemeta.errors import PluginError
from drivemeta.plugins import default_registry
folders = "archive banks bench cli config core data deploy evaluation fleet runtime synthetic video"
for folder in folders.split():
    package = importlib.import_module(f"drivemeta.{folder}")
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if ".templates" not in module.name:
            importlib.import_module(module.name)
registry = default_registry()
for kind in ("source", "sink", "tracker", "scheduler", "layout"):
    for name in registry.names(kind):
        try:
            registry.load(kind, name)
        except PluginError as error:  # of another extra
            assert "torch" not in str(error), error
""")


def test_the_base_that_ships_becomes_a_model():
    without_torch("""
from drivemeta import shipped
assert shipped.shipped_parts().build().graph.node
""")


def test_commands_that_run_models(folder):
    model = ("--model", folder / "model.onnx", "--provider", "cpu")
    clip, images, coco = folder / "clip.mp4", folder / "images", folder / "coco.json"
    commands = [
        ("--version",),
        ("detect", images, *model, "--out", folder / "detected"),
        ("process", clip, *model, "--out", folder / "run"),
        ("eval", "--data", coco, "--images", images, *model),
        ("check", coco, "--images", images),
        ("bank", "list", folder / "model.onnx"),
        ("plugins", "--json"),
        ("--help",),
    ]
    for command, (code, said) in zip(commands, called(*commands), strict=True):
        assert code == 0, (command, said)
    assert (folder / "run" / "annotated.mp4").is_file()


def test_commands_that_need_torch_say_which_extra_brings_it(folder, tmp_path):
    coco, out = folder / "coco.json", tmp_path / "x.onnx"
    commands = [
        ("adapt", coco, "--images", folder / "images", "--out", out),
        ("export", "--out", out),
        ("demo", "--out", tmp_path / "demo"),
        ("base", "import", folder / "model.onnx", "--out", out),
        ("train", "detector", coco),
        ("metatrain", "protonet", coco),
    ]
    for command, (code, said) in zip(commands, called(*commands), strict=True):
        assert code == 2, (command, said)
        assert said.count("\n") == 1, (command, said)
        assert said.startswith("error: "), (command, said)
        assert said.endswith(f"{NEEDS}\n"), (command, said)


def test_python_runs_models_and_says_what_needs_torch(folder):
    said = without_torch(f"""
import drivemeta as dm
model, clip = {str(folder / "model.onnx")!r}, {str(folder / "clip.mp4")!r}
assert dm.load_model(model, provider="cpu").classes
for frame, tracks in dm.process(clip, model=model):
    picture = dm.show(frame, tracks)
assert picture.image.shape == (96, 160, 3)
for name in dm.__all__:
    try:
        getattr(dm, name)
    except ImportError as error:
        print(f"{{name}}: {{error}}")
""")
    names = "Adapted ExportOptions ImportOptions adapt export_detector import_base load_base"
    assert said.splitlines() == [f"{name}: drivemeta.{name} {NEEDS}" for name in names.split()]
