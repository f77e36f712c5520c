"""A plugin's parameters: those of its class, checked and converted before it is built."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import SchemaError

from drivemeta.config.mistakes import problem_of
from drivemeta.errors import InputError, suggest

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def parameters(loaded: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a plugin class by name."""
    if loaded.__init__ is object.__init__:  # type: ignore[misc]
        return {}
    found = inspect.signature(loaded).parameters
    return {name: p for name, p in found.items() if p.kind in _NAMED}


def check_parameters(loaded: type, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the values given, converted to the annotated types, such as text to a path.

    Args:
        loaded: Plugin's class.
        given: Values by parameter name, as a config file or a caller gives them.
        where: Name of the plugin, for the message.

    Raises:
        InputError: lists every unknown parameter with the nearest known, every missing one and
            every value of another type.
    """
    accepted = parameters(loaded)
    types = _types(loaded)
    values, mistakes = dict(given), []
    for name, value in given.items():
        if name not in accepted:
            mistakes.append(f"has no parameter {name!r}; {suggest(name, accepted)}")
        elif name in types:
            try:
                values[name] = _convert(value, types[name])
            except ValidationError as error:
                problem = problem_of(error.errors()[0])
                mistakes.append(f"parameter {name!r}: {problem}, found {value!r}")
    for name, parameter in accepted.items():
        if parameter.default is parameter.empty and name not in given:
            mistakes.append(f"needs the parameter {name!r}")
    if mistakes:
        raise InputError("\n".join(f"{where} {mistake}" for mistake in mistakes))
    return values


def _types(loaded: type) -> dict[str, Any]:
    """Return the annotated types; none if a name in them exists for type checkers only."""
    try:
        return typing.get_type_hints(loaded.__init__)  # type: ignore[misc]
    except NameError:
        return {}


def _convert(value: Any, wanted: Any) -> Any:
    """Convert what a YAML file can hold; objects, and types unknown to pydantic, are left alone."""
    if not isinstance(value, str | int | float | list | tuple | dict | None):
        return value
    try:
        adapter = TypeAdapter(wanted)
    except (PydanticUserError, SchemaError):
        return value
    return adapter.validate_python(value)
