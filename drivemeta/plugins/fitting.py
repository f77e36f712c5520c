"""Does a class fit its protocol? Methods by name, and by the arguments they must accept."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from drivemeta.errors import PluginError
from drivemeta.plugins.kinds import PROTOCOLS, Kind


def check_fits(kind: Kind, loaded: object, where: str) -> None:
    """Refuse a class that lacks a method of its protocol or takes other arguments.

    Args:
        kind: Kind of the plugin.
        loaded: Object that the manifest's entry names.
        where: Plugin and its origin, for the message.

    Raises:
        PluginError: names the method, the expected and the actual signature.
    """
    if not inspect.isclass(loaded):
        raise PluginError(f"{where}: expected a class, found {type(loaded).__name__}")
    for name, expected in _methods(PROTOCOLS[kind]).items():
        actual = getattr(loaded, name, None)
        if not callable(actual):
            raise PluginError(
                f"{where} does not fit the {kind} protocol: expected "
                f"{name}{inspect.signature(expected)}, found no method {name!r}"
            )
        if not _accepts(loaded, name, list(inspect.signature(expected).parameters)):
            raise PluginError(
                f"{where} does not fit the {kind} protocol: expected "
                f"{name}{inspect.signature(expected)}, found {name}{inspect.signature(actual)}"
            )


def check_has(kind: Kind, plugin: object, where: str) -> None:
    """Refuse a plugin that lacks an attribute of its protocol, or an attribute one of its own.

    Args:
        kind: Kind of the plugin.
        plugin: Plugin as it was built.
        where: Plugin and its origin, for the message.

    Raises:
        PluginError: names every member that is missing.
    """
    missing = list(_missing(PROTOCOLS[kind], plugin))
    if missing:
        raise PluginError(
            f"{where} does not fit the {kind} protocol: expected the members "
            f"{', '.join(missing)}, found a {type(plugin).__name__} without"
        )


def _missing(protocol: type, found: object, path: str = "") -> Iterator[str]:
    """Yield the members of a protocol that an object lacks; protocols as attributes are entered."""
    for name in _methods(protocol):
        if not callable(getattr(found, name, None)):
            yield f"{path}{name}()"
    for name, annotation in inspect.get_annotations(protocol).items():
        inner = vars(sys.modules[protocol.__module__]).get(annotation)
        if not hasattr(found, name):
            yield f"{path}{name}"
        elif isinstance(inner, type):
            yield from _missing(inner, getattr(found, name), f"{path}{name}.")


def _methods(protocol: type) -> dict[str, Callable[..., Any]]:
    wanted = {"__iter__", "__call__"}
    return {
        name: value
        for name, value in vars(protocol).items()
        if inspect.isfunction(value) and (not name.startswith("_") or name in wanted)
    }


def _accepts(loaded: type, method: str, wanted: list[str]) -> bool:
    """Tell whether a method takes these arguments by position, `self` first, under their names.

    One that it has no use for may have an underscore before its name.
    """
    static = isinstance(inspect.getattr_static(loaded, method), staticmethod | classmethod)
    signature = inspect.signature(getattr(loaded, method))
    arguments = wanted[1:] if static else wanted
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    for parameter, name in zip(signature.parameters.values(), arguments, strict=False):
        if parameter.kind is parameter.VAR_POSITIONAL:
            break  # it takes all that follow
        if parameter.name.removeprefix("_") != name and name != "self":
            return False
    return True
