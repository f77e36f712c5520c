"""Reading YAML configurations: one may extend another, and all mistakes are told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from drivemeta.errors import ConfigError, suggest

Model = TypeVar("Model", bound=BaseModel)


def load_config(path: Path, model: type[Model]) -> Model:
    """Read a YAML file, merge what it extends, and check it.

    `extends: other.yaml` names a file beside it whose values are taken where this one has none;
    mappings are merged, lists and values replaced.

    Args:
        path: the YAML file.
        model: what it must fit.

    Raises:
        ConfigError: a file is missing or no YAML, files extend each other in a circle, or values
            are wrong; lists every mistake and suggests the nearest name for an unknown key.
    """
    return validate(_merged(path, ()), model, str(path))


def validate(values: object, model: type[Model], where: str) -> Model:
    """Check values against a model; `where` names their origin in messages.

    Raises:
        ConfigError: lists every mistake.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        mistakes = []
        for mistake in error.errors():
            place = ".".join(map(str, mistake["loc"])) or "the file"
            message = mistake["msg"]
            if mistake["type"] == "extra_forbidden":
                hint = suggest(str(mistake["loc"][-1]), model.model_fields)
                message = f"unknown key; {hint}"
            mistakes.append(f"  {place}: {message}")
        listed = "\n".join(mistakes)
        raise ConfigError(f"{where}: {len(mistakes)} mistake(s)\n{listed}") from error


def _merged(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    path = path.resolve()
    if path in seen:
        circle = " -> ".join(p.name for p in (*seen, path))
        raise ConfigError(f"configurations extend each other in a circle: {circle}")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read the configuration {path}: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping, found {type(values).__name__}")
    parent = values.pop("extends", None)
    if parent is None:
        return values
    if not isinstance(parent, str):
        raise ConfigError(f"{path}: extends: expected a file name, found {parent!r}")
    return _overlay(_merged(path.parent / parent, (*seen, path)), values)


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _overlay(old, value) if both else value  # type: ignore[arg-type]
    return merged
