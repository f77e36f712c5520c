"""What each folder may import; nothing imports in a circle. Lazy and typing imports count."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "drivemeta"

# Folders and files of `drivemeta/`, and what of it each may import beside itself. A name stands for
# all that is below it. `demo` and `cli` may import everything.
MAY_IMPORT = {
    "errors": set(),
    "files": {"errors"},
    "markdown": set(),
    "paths": set(),
    "version": set(),
    "core": set(),
    "banks": {"core"},
    "config": set(),
    "plugins": {"config", "core"},  # and the protocol of each kind
    "plugins/learner": {"core"},
    "plugins/detector": {"core"},
    "plugins/source": {"core"},
    "plugins/sink": {"core"},
    "plugins/tracker": {"core"},
    "plugins/scheduler": {"core"},
    "plugins/layout": {"core"},
    "data": {"core"},
    "synthetic": {"core"},
    "models": {"core", "plugins"},
    "runtime": {"core", "banks"},
    "evaluation": {"core", "data"},
    "export": {"core", "banks", "models", "plugins", "runtime", "evaluation", "data"},
    "training": {"core", "banks", "config", "data", "synthetic", "plugins", "models"},
    "adaptation": {
        "core",
        "banks",
        "data",
        "plugins",
        "models",
        "evaluation",
        "export",
        "markdown",
    },
    "own": {"core", "data", "synthetic", "plugins", "models", "runtime", "export"},
    "shipped": {"banks", "models", "export", "runtime"},
    "video": {"core", "plugins", "runtime", "shipped"},
    "deploy": {"export", "runtime"},
    "archive": {"core", "data", "plugins", "export", "runtime", "shipped", "video"},
    "teach": {
        "core",
        "data",
        "plugins",
        "models",
        "runtime",
        "export",
        "adaptation",
        "video",
    },
    "fleet": {"archive", "video"},
    "bench": {"core", "export", "runtime", "video", "plugins", "shipped"},
}
EVERYONE = {"errors", "files", "paths", "version"}
ABOVE_ALL = {"", "demo", "cli"}
# Built-in plugins build on their own kind's folder alone, as a stranger's do; two are made of parts
# of the package.
OF_BUILT_INS = {"sources/synthetic": {"synthetic"}, "detectors/lite": {"models"}}


@cache
def modules() -> dict[str, Path]:
    """Return the files of the package by their dotted names."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
        if not {"_plugins", "templates"} & set(path.parts)
    }


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "drivemeta")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "drivemeta":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules() else str(node.module)


def home(module: str) -> str:
    """Return the entry of the table that a module belongs to."""
    parts = module.split(".")[1:]
    kind = "/".join(parts[:2])
    return kind if kind in MAY_IMPORT else "/".join(parts[:1])


def forbidden(path: Path, importer: str, allowed: set[str]) -> list[str]:
    """Return what a file of a home imports that it may not."""
    allowed = allowed | EVERYONE
    return [
        target
        for target in imported(path)
        if home(target) != importer and not {home(target), home(target).split("/")[0]} & allowed
    ]


@pytest.mark.parametrize("module", sorted(modules()))
def test_each_folder_imports_what_the_table_allows(module):
    importer = home(module)
    if importer in ABOVE_ALL:
        return
    found = forbidden(modules()[module], importer, MAY_IMPORT[importer])
    if importer == "plugins":
        found = [target for target in found if not target.endswith(".protocol")]
    assert not found


@pytest.mark.parametrize(
    "path", sorted((ROOT / "plugins").glob("*/*/*.py")), ids=lambda path: path.parent.name
)
def test_built_in_plugins_build_on_their_own_kind(path):
    kind, name = path.relative_to(ROOT / "plugins").parts[:2]
    allowed = {"core", *OF_BUILT_INS.get(f"{kind}/{name}", set())}
    assert not forbidden(path, f"plugins/{kind.removesuffix('s')}", allowed)


def test_only_the_fleet_knows_ray():
    users = [path for path in PACKAGE.rglob("*.py") if re.search(r"import ray\b", path.read_text())]
    assert {path.parent.name for path in users} == {"fleet"}


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Return a circle of a graph, an empty list if there is none."""
    done: set[str] = set()
    way: list[str] = []

    def visit(node: str) -> list[str]:
        if node in way:
            return way[way.index(node) :]
        if node in done:
            return []
        way.append(node)
        found = next((f for target in sorted(arrows.get(node, ())) if (f := visit(target))), [])
        done.add(way.pop())
        return found

    return next((found for node in sorted(arrows) if (found := visit(node))), [])


def test_no_file_imports_itself_through_others():
    assert not circle({name: set(imported(path)) for name, path in modules().items()})


def test_no_folder_imports_itself_through_others():
    arrows: dict[str, set[str]] = {}
    for name, path in modules().items():
        top, targets = name.split(".")[1:2], [t.split(".")[1:2] for t in imported(path)]
        arrows.setdefault("".join(top), set()).update("".join(t) for t in targets if t != top)
    assert not circle(arrows)


def test_circles_are_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


def test_the_page_for_developers_has_the_same_table():
    text = (ROOT / "docs" / "developers.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w/]+?)/?` \| .* \|([^|]*)\|$", text, re.MULTILINE)
    shown = {folder: set(re.findall(r"`([\w/]+)`", names)) for folder, names in rows}
    everyone = {*EVERYONE, "markdown"}
    assert shown == {home: names for home, names in MAY_IMPORT.items() if home not in everyone}


def test_the_picture_for_developers_has_imports_from_lower_floors_only():
    text = (ROOT / "docs" / "images" / "architecture.svg").read_text("utf-8")
    names = re.findall(r'y="(\d+)" class="name">([^<]+)<', text[text.index("Rooms of") :])
    floor = {name: int(y) for y, listed in names for name in listed.split(", ")}
    for home, targets in MAY_IMPORT.items():
        room, drawn = home.split("/")[0], targets - {"markdown", *EVERYONE}
        assert all(floor[target] > floor[room] for target in drawn - {room}), room
