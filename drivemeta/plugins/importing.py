"""Importing a plugin's module: under a package of its own, so that plugins never meet by name."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from drivemeta.errors import PluginError
from drivemeta.plugins.kinds import Kind

PREFIX = "drivemeta_plugins"


def import_beside(folder: Path, kind: Kind, name: str, module_name: str) -> ModuleType:
    """Import a module that lies in a plugin's folder, as `drivemeta_plugins.KIND.NAME.MODULE`.

    The folder is mounted as that package, so its modules may import each other relatively.

    Raises:
        PluginError: the folder has no such module.
    """
    path = folder.joinpath(*module_name.split("."))
    if not path.with_suffix(".py").is_file() and not (path / "__init__.py").is_file():
        raise PluginError(f"expected its module at {path.with_suffix('.py')}")
    importlib.invalidate_caches()  # the folder may have been written a moment ago
    return importlib.import_module(f"{_mount(folder, kind, name)}.{module_name}")


def package_of(kind: Kind, name: str) -> str:
    """Return the import name that a plugin's folder is mounted under.

    >>> package_of("learner", "maml")
    'drivemeta_plugins.learner.maml'
    """
    return f"{PREFIX}.{kind}.{name}"


def _mount(folder: Path, kind: Kind, name: str) -> str:
    """Make a folder importable as a package; what another folder left there is forgotten."""
    _package(PREFIX, [])
    _package(f"{PREFIX}.{kind}", [])
    full_name = package_of(kind, name)
    mounted = sys.modules.get(full_name)
    if mounted is None or list(mounted.__path__) != [str(folder)]:
        for old in [m for m in sys.modules if m == full_name or m.startswith(f"{full_name}.")]:
            del sys.modules[old]
        _package(full_name, [str(folder)])
    return full_name


def _package(name: str, folders: list[str]) -> None:
    if name not in sys.modules:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = folders
        sys.modules[name] = module_from_spec(spec)
