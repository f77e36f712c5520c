"""A class is known by its name: no two of the package and the built-in plugins share one."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_class_names_are_unique():
    homes = defaultdict(list)
    for folder in ("drivemeta", "plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "_plugins" in path.parts:  # the built-in plugins again, in an installed package
                continue
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes[node.name].append(str(path.relative_to(ROOT)))
    assert not {name: paths for name, paths in homes.items() if len(paths) > 1}
