"""Each example runs as it is, and its plugins keep to the contracts of their kinds."""

import re
from pathlib import Path

import pytest

from tests.helpers.forked import PYTEST, python

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SCRIPTS = {path.name for path in EXAMPLES.glob("*.py")}
PRINTED = {
    "adapt_and_look.py": "",
    "own_learner.py": "learnt by medoid with {'scale': 15}",
    "own_source.py": " 0.27 s  ",
    "own_plugins.py": "box [10.0, 20.0, 40.0, 60.0], scores [0.9, 0.1]",
}
SCRIPT = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
PLUGINS = {"sink": "subtitles", "layout": "corner_and_size"}


def test_the_page_names_every_example():
    linked = re.findall(r"^\| \[(\w+\.py)\]\(\1\)", (EXAMPLES / "README.md").read_text(), re.M)
    assert set(linked) == SCRIPTS == set(PRINTED)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_an_example_runs(name, tmp_path):
    assert PRINTED[name] in python(tmp_path, SCRIPT, [EXAMPLES / name])


@pytest.mark.slow
def test_the_plugins_keep_to_the_contracts_of_their_kinds():
    suites = [ROOT / "tests" / "contracts" / f"test_{kind}_contract.py" for kind in PLUGINS]
    names = " or ".join(f"[{name}]" for name in PLUGINS.values())
    words = ["-q", "-p", "no:cacheprovider", *suites, "-k", names]
    told = python(ROOT, PYTEST, words, {"DRIVEMETA_PLUGIN_PATH": str(EXAMPLES / "plugins")})
    assert " passed" in told
