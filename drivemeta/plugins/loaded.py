"""A plugin that was built: who its manifest says it is, its parameters, and the object itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic_core import to_jsonable_python

from drivemeta.plugins.discovery import Found
from drivemeta.plugins.importing import package_of
from drivemeta.plugins.parameters import parameters

T = TypeVar("T")
PLAIN = str | int | float | bool | None


@dataclass(frozen=True, eq=False)
class Loaded(Generic[T]):
    """A plugin that was built.

    Attributes:
        name: Name in its manifest; of an object without one, its class's name in lower case.
        version: Version of the plugin, as far as it is known.
        origin: `built-in`, a folder, or a distribution; of an object without a manifest, the
            module of its class.
        folder: Folder of the manifest, None of an object without one.
        params: Parameters that it was built with, by name, defaults included.
        object: Plugin itself.
    """

    name: str
    version: str
    origin: str
    folder: Path | None
    params: Mapping[str, Any]
    object: T

    @property
    def json_params(self) -> dict[str, Any]:
        """The parameters as JSON values; what JSON does not know stands as text."""
        values: dict[str, Any] = to_jsonable_python(
            dict(self.params), fallback=str, bytes_mode="base64"
        )
        return values


def with_defaults(made_by: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that build the same plugin again, whatever its defaults are by then."""
    defaults = {
        name: parameter.default
        for name, parameter in parameters(made_by).items()
        if parameter.default is not parameter.empty
    }
    return {**defaults, **given}


def of_object(plugin: T, found: Found | None) -> Loaded[T]:
    """Return what is known of a plugin that somebody else built.

    Its parameters are those of its constructor that it keeps as attributes of the same names and
    that are plain values; nothing else that it holds is taken for a parameter.

    Args:
        plugin: Plugin itself.
        found: Plugin whose class made it, None if no manifest names that class.
    """
    made_by = type(plugin)
    kept = {name: getattr(plugin, name) for name in parameters(made_by) if hasattr(plugin, name)}
    params = {name: value for name, value in kept.items() if isinstance(value, PLAIN)}
    if found is None:
        return Loaded(made_by.__name__.lower(), "", made_by.__module__, None, params, plugin)
    return Loaded(found.name, found.version, found.origin, found.folder, params, plugin)


def is_class_of(made_by: type, found: Found) -> bool:
    """Tell whether a class is the one that a plugin's manifest names; nothing is imported."""
    if found.manifest is None or found.folder is None:
        return False
    module_name, class_name = found.manifest.entry.split(":")
    package = found.package or package_of(found.manifest.kind, found.name)
    module = sys.modules.get(f"{package}.{module_name}")
    if getattr(module, class_name, None) is not made_by:
        return False
    file = getattr(module, "__file__", None)  # another folder may hold a plugin of the same name
    return file is not None and Path(file).is_relative_to(found.folder)
