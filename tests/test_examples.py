"""Each example runs as it is, and its plugins keep to the contracts of their kinds."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SCRIPTS = {path.name for path in EXAMPLES.glob("*.py")}
PRINTED = {
    "adapt_and_look.py": "",
    "own_learner.py": "learnt by medoid with {'scale': 15}",
    "own_source.py": " 0.27 s  ",
    "own_plugins.py": "box [10.0, 20.0, 40.0, 60.0], scores [0.9, 0.1]",
}
PLUGINS = {"sink": "subtitles", "layout": "corner_and_size"}


def run(folder, *arguments, **variables):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | variables
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_names_every_example():
    linked = re.findall(r"^\| \[(\w+\.py)\]\(\1\)", (EXAMPLES / "README.md").read_text(), re.M)
    assert set(linked) == SCRIPTS == set(PRINTED)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_an_example_runs(name, tmp_path):
    assert PRINTED[name] in run(tmp_path, EXAMPLES / name)


@pytest.mark.slow
def test_the_plugins_keep_to_the_contracts_of_their_kinds():
    suites = [ROOT / "tests" / "contracts" / f"test_{kind}_contract.py" for kind in PLUGINS]
    names = " or ".join(f"[{name}]" for name in PLUGINS.values())
    pytest_of_them = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *suites, "-k", names]
    told = run(ROOT, *pytest_of_them, DRIVEMETA_PLUGIN_PATH=str(EXAMPLES / "plugins"))
    assert " passed" in told
