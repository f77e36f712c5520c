"""What pydantic found wrong, in sentences: where, what was found, and the nearest known key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from drivemeta.errors import suggest

_EXPECTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("list_type", "tuple_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type"), "keys and values"),
    "finite_number": "a finite number",
    "string_type": "text",
    "path_type": "a path",
}
_LIMITS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "of at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "of at most {le}",
}


def list_mistakes(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line a mistake, in the order of the model's fields.

    >>> class Sink(BaseModel, extra="forbid"):
    ...     name: str
    >>> try:
    ...     Sink.model_validate({"nmae": "mp4"})
    ... except ValidationError as error:
    ...     print("; ".join(list_mistakes(error, Sink)))
    name: is missing; nmae: unknown key; did you mean 'name'?
    """
    return [_line(mistake, model) for mistake in error.errors()]


def problem_of(mistake: Mapping[str, Any]) -> str:
    """Return what was expected in the place of one mistake of pydantic's.

    >>> problem_of({"type": "int_parsing", "msg": "Input should be a valid integer, ..."})
    'expected a whole number'
    """
    if mistake["type"] in _EXPECTED:
        return f"expected {_EXPECTED[mistake['type']]}"
    if mistake["type"] in _LIMITS:
        return f"expected a number {_LIMITS[mistake['type']].format(**mistake['ctx'])}"
    plain = mistake["msg"].removeprefix("Value error, ")
    return re.sub(r"^(Input|Value) should (be|have) ", "expected ", plain)


def _line(mistake: Mapping[str, Any], model: type[BaseModel]) -> str:
    place = ".".join(map(str, mistake["loc"]))
    if mistake["type"] == "missing":
        return f"{place}: is missing{_choices(model, mistake['loc'])}"
    if mistake["type"] == "extra_forbidden":
        *above, key = mistake["loc"]
        known = {name for owner in _models_at(model, above) for name in owner.model_fields}
        return f"{place}: unknown key; {suggest(str(key), known)}"
    problem = problem_of(mistake)
    shown = repr(mistake["input"])
    found = f", found {shown}" if len(shown) <= 60 else ""
    return f"{place}: {problem}{found}" if place else f"{problem}{found}"


def _choices(model: type[BaseModel], path: tuple[str | int, ...]) -> str:
    """Return what a key of a few possible values may hold, as the end of a sentence."""
    *above, key = path
    fields = [o.model_fields[key] for o in _models_at(model, above) if key in o.model_fields]
    values = [
        v for f in fields if get_origin(f.annotation) is Literal for v in get_args(f.annotation)
    ]
    return f"; expected {' or '.join(map(repr, values))}" if values else ""


def _models_at(model: type[BaseModel], path: list[str | int]) -> list[type[BaseModel]]:
    """Return the models that may stand at a place below a model."""
    here = [model]
    for step in path:
        fields = [owner.model_fields[step] for owner in here if step in owner.model_fields]
        here = [m for field in fields for m in _models_in(field.annotation)] or here
    return here


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models named in a type such as `list[Source] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
