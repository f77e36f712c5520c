"""The registry: plugins by kind and name, imported when they are selected and not before."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from drivemeta.errors import InputError, PluginError, PluginNotFoundError, suggest
from drivemeta.plugins.discovery import ENVIRONMENT, Found, discover
from drivemeta.plugins.fitting import check_fits
from drivemeta.plugins.manifest import PluginManifest

PREFIX = "drivemeta_plugins"


class Registry:
    """Plugins by kind and name.

    Args:
        found: what discovery found, in order.
    """

    def __init__(self, found: Iterable[Found]) -> None:
        self._found = list(found)

    def __iter__(self) -> Iterator[Found]:
        return iter(self._found)

    def names(self, kind: str) -> list[str]:
        """Return the names of the plugins of a kind, sorted, broken ones too."""
        return sorted({found.name for found in self._found if found.kind == kind})

    def find(self, kind: str, name: str) -> Found:
        """Return one plugin.

        Raises:
            PluginNotFoundError: there is none; suggests the nearest name.
            PluginError: it is broken, or two have the name; names both origins.
        """
        hits = [found for found in self._found if (found.kind, found.name) == (kind, name)]
        if not hits:
            raise PluginNotFoundError(f"unknown {kind} {name!r}; {suggest(name, self.names(kind))}")
        if len(hits) > 1:
            origins = " and ".join(f"{hit.origin} ({hit.folder})" for hit in hits)
            raise PluginError(f"two plugins are called {kind} {name!r}: from {origins}; rename one")
        if hits[0].manifest is None:
            raise PluginError(f"{kind} {name!r} is broken: {hits[0].problem}")
        return hits[0]

    def load(self, kind: str, name: str) -> type:
        """Import a plugin's class and check that it fits its protocol.

        Raises:
            PluginError: its code fails to import, or a method does not fit; shows both signatures.
        """
        found = self.find(kind, name)
        assert found.manifest is not None  # find refuses broken ones
        module_name, class_name = found.manifest.entry.split(":")
        where = f"{kind} {name!r} from {found.origin}"
        try:
            module = _import(found, found.manifest, module_name)
            loaded = getattr(module, class_name)
        except Exception as error:
            hint = f"; it needs: pip install 'drivemeta[{found.manifest.extra}]'"
            raise PluginError(
                f"{where} cannot be imported: {type(error).__name__}: {error}"
                f"{hint if found.manifest.extra else ''}"
            ) from error
        check_fits(kind, loaded, where)
        return loaded  # type: ignore[no-any-return]

    def create(self, kind: str, plugin_name: str, /, **params: Any) -> Any:
        """Import a plugin and build it with its parameters.

        Raises:
            InputError: it has no such parameter; suggests the nearest.
        """
        loaded = self.load(kind, plugin_name)
        accepted = parameters(loaded)
        for given in params:
            if given not in accepted:
                raise InputError(
                    f"{kind} {plugin_name!r} has no parameter {given!r}; {suggest(given, accepted)}"
                )
        missing = [
            p.name for p in accepted.values() if p.default is p.empty and p.name not in params
        ]
        if missing:
            raise InputError(f"{kind} {plugin_name!r} needs the parameter {', '.join(missing)}")
        return loaded(**params)


def parameters(loaded: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a plugin class by name."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if "__init__" not in vars(loaded) and not inspect.signature(loaded).parameters:
        return {}
    return {
        name: parameter
        for name, parameter in inspect.signature(loaded).parameters.items()
        if parameter.kind in named
    }


def default_registry(extra_paths: Iterable[Path] = ()) -> Registry:
    """Return the registry of the built-in plugins, named folders and installed packages."""
    return _registry(tuple(extra_paths), os.environ.get(ENVIRONMENT, ""))


@lru_cache(maxsize=8)
def _registry(extra_paths: tuple[Path, ...], _listed: str) -> Registry:
    return Registry(discover(extra_paths))


def _import(found: Found, manifest: PluginManifest, module_name: str) -> ModuleType:
    """Import a plugin's module from its folder, under a name of its own."""
    if found.folder is None:
        raise PluginError("it has no folder")
    path = found.folder.joinpath(*module_name.split(".")).with_suffix(".py")
    full_name = f"{PREFIX}.{manifest.kind}.{manifest.name.replace('-', '_')}.{module_name}"
    loaded = sys.modules.get(full_name)
    if loaded is not None and loaded.__file__ == str(path):
        return loaded
    spec = importlib.util.spec_from_file_location(full_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise PluginError(f"expected its module at {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[full_name]
        raise
    return module
