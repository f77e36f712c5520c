"""Reading YAML configurations: one may extend another, and all mistakes are told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from drivemeta.config.mistakes import list_mistakes
from drivemeta.errors import ConfigError, suggest
from drivemeta.files import read_yaml
from drivemeta.paths import builtin_folder

Model = TypeVar("Model", bound=BaseModel)


def load_config(path: Path, model: type[Model]) -> Model:
    """Read a YAML file, merge what it extends, and check it.

    `extends: other.yaml` names a file beside it whose values are taken where this one has none;
    mappings are merged, lists and values replaced.

    Args:
        path: YAML file; where there is none, a shipped one of that name is taken.
        model: Model that it must fit.

    Raises:
        ConfigError: a file is missing or no YAML, files extend each other in a circle, or values
            are wrong; lists every mistake and suggests the nearest name for an unknown key.
    """
    return validate(_merged(_locate(path), ()), model, str(path))


def validate(values: object, model: type[Model], where: str) -> Model:
    """Check values against a model; `where` names their origin in messages.

    Raises:
        ConfigError: lists every mistake.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        mistakes = list_mistakes(error, model)
        listed = "\n".join(f"  {mistake}" for mistake in mistakes)
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
        raise ConfigError(f"{where}: {count}\n{listed}") from error


def _locate(path: Path) -> Path:
    """Return the file, or the one of that name among the configurations that ship."""
    shipped = builtin_folder("configs") / path.name
    if path.exists() or shipped.is_file():
        return path if path.exists() else shipped
    known = {file.name for file in shipped.parent.glob("*.yaml")}
    raise ConfigError(f"no configuration {path}; {suggest(path.name, known)}")


def _merged(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    path = path.resolve()
    if path in seen:
        circle = " -> ".join(p.name for p in (*seen, path))
        raise ConfigError(f"configurations extend each other in a circle: {circle}")
    values = read_yaml(path, "the configuration")
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
