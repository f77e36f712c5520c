"""DriveMeta installed as a wheel, from the sdist and editable, used outside the checkout.

Each is installed into a fresh environment that sees this one's third-party packages.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from drivemeta.version import __version__, commit_of
from tests.helpers.videos import draw_frame, encode_video

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "tests" / "example_plugin"
LIST_PLUGINS = """
import json
from drivemeta.plugins import default_registry
print(json.dumps({f"{f.kind}/{f.name}": [f.origin, str(f.folder), f.problem, f.version]
                  for f in default_registry()}))
"""

# One process builds and installs for all of them.
pytestmark = pytest.mark.slow


class Environment:
    """A virtual environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder, with_pip=False)
        self.python = folder / "bin" / "python"
        self.site = Path(self.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))

    def see_third_party(self) -> None:
        """Show it the packages of the environment that runs the tests."""
        (self.site / "third_party.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def see_required(self, wheel: Path) -> None:
        """Show it, of those packages, what a wheel requires without any extra, and no other."""
        waiting, seen = required(distribution_in(wheel).requires), set[str]()
        while waiting:
            if (name := waiting.pop()) in seen:
                continue
            seen.add(name)
            try:
                found = metadata.distribution(name)
            except metadata.PackageNotFoundError:
                continue  # what is really missing will not be imported
            for top in {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}:
                if not (self.site / top).exists():
                    (self.site / top).symlink_to(Path(str(found.locate_file(top))))
            waiting += required(found.requires)

    def install(self, *what: str) -> None:
        options = ["--no-deps", "--no-index", "--no-build-isolation"]
        options += ["--ignore-installed", "--no-compile"]
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install", *options]
        run([*pip, *what], self.folder)

    def run(self, *arguments: str) -> str:
        return run([str(self.python), *arguments], self.folder).strip()

    def plugins(self) -> dict[str, list[str]]:
        """Return origin, folder, problem and version of each plugin."""
        return json.loads(self.run("-c", LIST_PLUGINS))


def required(lines: Sequence[str] | None) -> list[str]:
    """Return what is required on this platform and without an extra."""
    wanted = (Requirement(line) for line in lines or [])
    return [r.name for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]


def distribution_in(wheel: Path) -> metadata.Distribution:
    return next(iter(metadata.distributions(path=[str(wheel)])))


def run(command: list[str], folder: Path) -> str:
    """Run a command in a folder outside the checkout; return what it prints."""
    hidden = {"PYTHONPATH", "DRIVEMETA_PLUGIN_PATH"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def build(kind: str, source: Path, out: Path) -> Path:
    """Build a wheel or sdist of a source tree."""
    run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)], source)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the sdist alone."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return build("wheel", tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel, and the example plugin beside it."""
    environment = Environment(tmp_path_factory.mktemp("installed"))
    environment.see_third_party()
    environment.install(str(wheel), str(EXAMPLE))
    return environment


@pytest.fixture(scope="module")
def slim(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel beside what it requires, and nothing else."""
    environment = Environment(tmp_path_factory.mktemp("slim"))
    environment.see_required(wheel)
    environment.install(str(wheel))
    return environment


def built_in(folder: Path) -> set[str]:
    """Return the `kind/name` of the plugins below a folder."""
    manifests = folder.glob("*/*/plugin.yaml")
    return {f"{path.parts[-3].removesuffix('s')}/{path.parts[-2]}" for path in manifests}


def test_the_sdist_makes_the_same_wheel_as_the_checkout(wheel, tmp_path):
    direct = build("wheel", ROOT, tmp_path)
    names = [zipfile.ZipFile(path).namelist() for path in (wheel, direct)]
    assert sorted(names[0]) == sorted(names[1])


def test_the_wheel_puts_nothing_else_at_the_top(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "drivemeta",
        f"drivemeta-{__version__}.dist-info",
    }
    assert "drivemeta/py.typed" in names
    assert ("drivemeta/COMMIT" in names) == bool(commit_of(ROOT))
    assert "drivemeta/_configs/train_level1_stage1.yaml" in names
    assert "drivemeta/_plugins/learners/maml/weights.safetensors" in names
    assert "drivemeta/weights/replay.safetensors" in names
    assert "drivemeta/weights/places.safetensors" in names
    assert "drivemeta/weights/int8_ranges.json" in names
    assert "drivemeta/weights/networks.safetensors" in names
    assert "drivemeta/weights/things.safetensors" in names
    assert "drivemeta/weights/things_replay.safetensors" in names
    assert "drivemeta/weights/banks/vehicles.safetensors" in names
    assert not [name for name in names if "__pycache__" in name]


def test_the_wheel_has_every_built_in_plugin(installed):
    found = installed.plugins()
    inside = installed.site / "drivemeta" / "_plugins"
    ours = {name for name, (origin, *_) in found.items() if origin == "built-in"}
    assert ours == built_in(ROOT / "plugins")
    assert all(Path(found[name][1]).is_relative_to(inside) for name in ours)
    assert not [problem for _, _, problem, _ in found.values() if problem]


def test_the_wheel_tells_its_commit(installed):
    commit = commit_of(ROOT)
    told = f"drivemeta {__version__} (commit {commit})" if commit else f"drivemeta {__version__}"
    assert installed.run("-m", "drivemeta.cli.main", "--version") == told


def test_a_third_party_plugin_is_found_by_its_entry_point(installed):
    origin, folder, problem, version = installed.plugins()["tracker/overlap"]
    assert (origin, problem, version) == ("drivemeta-example 2.5.0", "", "1.2.3")
    assert installed.plugins()["source/stack"][2] == ""
    assert Path(folder) == installed.site / "drivemeta_example" / "overlap"


def test_a_third_party_plugin_is_not_imported_before_it_is_selected(installed):
    code = "from drivemeta.plugins import default_registry; import sys; r = default_registry(); "
    create = "t = r.create('tracker', 'overlap', least_iou='0.5'); "
    look = "print('drivemeta_example' in sys.modules)"
    assert installed.run("-c", code + look) == "False"
    assert installed.run("-c", code + create + "print(t.least_iou); " + look) == "0.5\nTrue"


def test_the_command_shows_a_third_party_plugin(installed):
    command = [str(installed.folder / "bin" / "drivemeta"), "plugins", "show", "overlap", "--json"]
    (shown,) = json.loads(run(command, installed.folder))["plugins"]
    assert shown["parameters"][0]["name"] == "least_iou"
    assert shown["problem"] == ""


def test_what_is_required_runs_models_without_torch(slim, tiny_model):
    frames = (draw_frame(i, (96, 160)) for i in range(5))
    clip, model = encode_video(slim.folder / "clip.mp4", frames), str(tiny_model)
    with pytest.raises(AssertionError, match="No module named 'torch'"):
        slim.run("-c", "import torch")
    command = [str(slim.folder / "bin" / "drivemeta")]
    run([*command, "verify", model], slim.folder)
    run([*command, "process", str(clip), "--model", model, "--out", "run"], slim.folder)
    assert len((slim.folder / "run" / "detections.jsonl").read_text().splitlines()) == 5
    assert (slim.folder / "run" / "annotated.mp4").is_file()
    run([*command, "process", str(clip), "--name", "signs", "--out", "base"], slim.folder)
    assert (slim.folder / "base" / "annotated.mp4").is_file()
    with pytest.raises(AssertionError, match=r"pip install 'drivemeta\[adapt\]'"):
        run([*command, "adapt", "shots.json", "--out", "x.onnx"], slim.folder)


def test_a_shipped_configuration_is_found_by_name(installed):
    code = (
        "from pathlib import Path; from drivemeta.config import load_config; "
        "from drivemeta.training.base.embedding import EmbeddingTraining as T; "
        "print(load_config(Path('train_level2_stage1.yaml'), T).out)"
    )
    assert installed.run("-c", code) == "runs/level2_stage1"


def test_editable_sees_the_checkout_and_editable_plugins(tmp_path):
    environment = Environment(tmp_path)
    environment.see_third_party()
    environment.install("-e", str(ROOT), "-e", str(EXAMPLE))
    found = environment.plugins()
    ours = {name for name, (origin, *_) in found.items() if origin == "built-in"}
    assert ours == built_in(ROOT / "plugins")
    assert Path(found["learner/protonet"][1]).is_relative_to(ROOT / "plugins")
    assert found["tracker/overlap"][1:3] == [str(EXAMPLE / "drivemeta_example" / "overlap"), ""]
    assert not (environment.site / "drivemeta").exists()
