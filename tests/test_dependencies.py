"""What is imported is declared, what is declared is pinned and its licence is named."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from drivemeta.files import read_yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ALIASES = {
    "onnxruntime-gpu": "onnxruntime",
    "pydantic-core": "pydantic",
    "rerun": "rerun-sdk",  # the module's name where the distribution is not installed
}


def plain(requirement: str) -> str:
    """Return the normalised name of a requirement."""
    name = re.match(r"[\w.-]+", requirement)
    return name[0].lower().replace("_", "-").replace(".", "-") if name else ""


def imported(path: Path) -> Iterator[str]:
    """Yield the top-level names that a module imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


OF_EXTRAS = {  # what is imported only where it is asked for
    "drivemeta/teach/": "teach",
    "drivemeta/archive/": "archive",
    "drivemeta/fleet/": "fleet",
    "drivemeta/training/schedulers/": "rl",
    "drivemeta/training/": "train",
    "drivemeta/adaptation/": "adapt",
    "drivemeta/models/": "adapt",
    "drivemeta/export/parity.py": "adapt",
    "drivemeta/export/restore.py": "adapt",
    "drivemeta/plugins/detector/": "adapt",
    "drivemeta/plugins/learner/": "adapt",
    "drivemeta/plugins/source/recordings/mcap.py": "mcap",
    "drivemeta/plugins/source/recordings/ros_messages.py": "mcap",
    "drivemeta/plugins/source/recordings/ros.py": "ros",
    "drivemeta/core/mcap_file.py": "mcap",
    "drivemeta/plugins/sink/mcap_sink.py": "mcap",
    "drivemeta/plugins/sink/recorded.py": "mcap",
    "drivemeta/plugins/sink/recorded_by_rosbags.py": "ros",
    "drivemeta/plugins/sink/vision_messages.py": "mcap",
}


OF_ROS = ["ament-index-python", "diagnostic-msgs", "drivemeta-detector", "launch", "launch-ros"]
OF_ROS += ["rcl-interfaces", "rclpy", "sensor-msgs", "setuptools", "vision-msgs"]


def extra_of(path: Path) -> list[str]:
    """Return the requirements of the extra that a plugin's manifest names, or a folder needs."""
    if path.is_relative_to(ROOT / "drivemeta" / "deploy" / "templates" / "ros2"):
        return OF_ROS
    for place, extra in OF_EXTRAS.items():
        if path.relative_to(ROOT).as_posix().startswith(place):
            return PROJECT["optional-dependencies"][extra]
    manifest = path.parent / "plugin.yaml"
    content = read_yaml(manifest) if manifest.is_file() else {}
    return PROJECT["optional-dependencies"].get(content.get("extra"), [])


def test_every_import_is_of_a_declared_dependency():
    distributions = packages_distributions()
    for path in (p for folder in ("drivemeta", "plugins") for p in (ROOT / folder).rglob("*.py")):
        declared = {plain(each) for each in [*PROJECT["dependencies"], *extra_of(path)]}
        ours = {"drivemeta", "__future__"}
        for name in set(imported(path)) - sys.stdlib_module_names - ours:
            owners = {plain(owner) for owner in distributions.get(name, [name])}
            names = owners | {ALIASES.get(owner, owner) for owner in owners}
            assert declared & names, f"{path}: {name}"


def test_every_dependency_is_pinned_and_its_licence_named():
    pins = {plain(line) for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()}
    page = (ROOT / "docs" / "licences.md").read_text("utf-8")
    named = {plain(row) for row in re.findall(r"^\| \*\*([\w.-]+)\*\*", page, re.MULTILINE)}
    extras = PROJECT["optional-dependencies"]
    used = (*PROJECT["dependencies"], *extras["adapt"], *extras["train"], *extras["dev"])
    wanted = {plain(each) for each in used}
    assert wanted - {"onnxruntime"} <= pins
    assert wanted - {"onnxruntime"} <= named


def test_dependencies_are_ranges():
    assert not [each for each in PROJECT["dependencies"] if "==" in each.split(";")[0]]
