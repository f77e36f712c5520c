"""What a detector's classes are called, and which super-class each belongs to."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drivemeta.core import SUPER_CLASSES
from drivemeta.core.coco_names import COCO_NAMES, COCO_SUPER_CLASSES
from drivemeta.errors import ConfigError, InputError, suggest
from drivemeta.files import parse_yaml

COCO = "coco"


def class_names(given: str | Path | None, metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the names of a detector's classes in its own order; None if nobody says.

    Args:
        given: `coco`, a file, or None for what the file's metadata says. A file has one name a
            line, or is YAML or JSON: a list, or numbers to names, or one of them under `names`.
        metadata: Metadata of the detector's file.

    Raises:
        ConfigError: the file cannot be read, or holds no names, or one of them twice.
    """
    if given is None:
        text = metadata.get("names")
        return None if text is None else _checked(_listed(_parsed(text)), "the file's metadata")
    if str(given) == COCO:
        return COCO_NAMES
    try:
        text = Path(given).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"--names: expected `coco` or a file, cannot read {given}: {error}"
        ) from (error)
    listed = _listed(_parsed(text))
    if listed is None:
        listed = [line.strip() for line in text.splitlines() if line.strip()]
    return _checked(listed, str(given))


def super_classes(
    names: Sequence[str], mapping: Mapping[str, str] | None, keep: Sequence[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Return the super-classes that a detector finds, with the names of its classes in each.

    Args:
        names: Names of its classes.
        mapping: Class to super-class; None for classes that are called like a super-class or like
            one of COCO.
        keep: Classes that become super-classes of their own.

    Raises:
        ConfigError: a name in them is no class, or a target no super-class.
        InputError: nothing is found, or a class would be found twice.
    """
    if mapping is None:
        known = {**COCO_SUPER_CLASSES, **{name: name for name in SUPER_CLASSES}}
        mapping = {name: known[name] for name in names if name in known and name not in keep}
    faults = [
        f"the detector has no class {name!r}; {suggest(name, names)}"
        for name in (*mapping, *keep)
        if name not in names
    ]
    faults += [
        f"no super-class {target!r}; {suggest(target, SUPER_CLASSES)}"
        for target in mapping.values()
        if target not in SUPER_CLASSES
    ]
    if faults:
        raise ConfigError("--map and --keep: " + "; ".join(faults))
    _refuse_twice(mapping, keep)
    targets = {name: name if name in keep else mapping.get(name) for name in names}
    found = {
        target: tuple(name for name in names if targets[name] == target)
        for target in dict.fromkeys(targets.values())
        if target is not None
    }
    if not found:
        raise InputError(
            f"none of the detector's classes ({', '.join(names[:12])}) belongs to a super-class "
            f"({', '.join(SUPER_CLASSES)}); say which by --map, or keep some by --keep"
        )
    return found


def _refuse_twice(mapping: Mapping[str, str], keep: Sequence[str]) -> None:
    """Refuse a class that is to be kept and has a super-class already, or is one."""
    twice = sorted({*mapping} & {*keep} | ({*keep} & {*SUPER_CLASSES}))
    if twice:
        raise InputError(
            f"--keep: {twice[0]!r} has a super-class already; name it in --map or in --keep alone"
        )


def _parsed(text: str) -> Any:
    """Return the value of a text that is YAML, JSON or a Python literal, None if it is neither."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass  # no Python literal: YAML then, which JSON is, too
    try:
        return parse_yaml(text, "names")
    except ConfigError:
        return None


def _listed(value: Any) -> list[str] | None:
    """Return the names of a value, None if it is neither a list of them nor numbers to names."""
    if isinstance(value, dict) and "names" in value:
        value = value["names"]
    if isinstance(value, dict):
        numbers = {str(key): name for key, name in value.items()}
        value = [numbers.get(str(i)) for i in range(len(numbers))]
    if not isinstance(value, list) or not all(isinstance(name, str | int) for name in value):
        return None
    return [str(name) for name in value]


def _checked(names: list[str] | None, where: str) -> tuple[str, ...]:
    if not names:
        raise ConfigError(
            f"expected names of classes in {where} (one a line, or a list), found none; give them "
            "by --names"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"expected each class once in {where}, found {twice[0]!r} twice")
    return tuple(names)
