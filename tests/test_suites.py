"""What suites keep to: they share `tests/helpers/` alone, and each says what it is about."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in (ROOT / "tests").rglob("*.py")
    if "example_plugin" not in path.parts
}
TESTS = {name for name in FILES if not name.startswith("tests.helpers.")}
STEMS = {name.rsplit(".", 1)[-1] for name in FILES}


def imported(code: str) -> Iterator[str]:
    """Yield the modules, and what may be modules, that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def unfit(code: str) -> list[str]:
    """Return the imports of other tests, and of helpers other than as `tests.helpers.<name>`."""
    return [name for name in imported(code) if name in TESTS | STEMS or name.startswith(".")]


@pytest.mark.parametrize("name", sorted(FILES))
def test_helpers_alone_are_imported(name):
    assert not unfit(FILES[name].read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(name for name in TESTS if ".test_" in name))
def test_a_suite_is_named_after_its_module_or_says_its_subject(name):
    path = FILES[name].relative_to(ROOT / "tests")
    module = path.with_name(path.name.removeprefix("test_"))
    said = ast.get_docstring(ast.parse(FILES[name].read_text("utf-8")))
    assert said or (ROOT / "drivemeta" / module).is_file()


@pytest.mark.parametrize(
    "line",
    [
        "from tests.conftest import own_cache",
        "from tests.plugins import test_registry",
        "import tests.plugins.test_registry as other",
        "from test_registry import TRACKER",
        "from meta_tasks import Run",
        "from .helpers.cli import call",
    ],
)
def test_others_are_seen(line):
    assert unfit(line)
    assert not unfit("from tests.helpers.cli import call")
