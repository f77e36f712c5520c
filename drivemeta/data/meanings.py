"""What the sign classes of the training data mean, merged over the countries.

A class that is to be new must be new by *meaning*: the Italian `LAVORI IN CORSO` is no novel class
for a network that has seen the German `road works`. The table is `sign_meanings.yaml`, beside this
file, made by looking at the crops.

    source      one of `SOURCES`: a folder of sign crops, or `italy`, the Italian street scenes
    class id    the class's name in that source: a crop folder, an Italian category name
    meaning     an English snake_case name, `speed_limit_30`
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final, TypeAlias

from drivemeta.errors import ConfigError, InputError, suggest
from drivemeta.files import parse_yaml

SOURCES: Final = (
    "germany",
    "belgium",
    "china_tsrd",
    "china_tt100k",
    "vietnam",
    "italy",
)
EXCLUDED: Final = "excluded"

Members: TypeAlias = Mapping[str, tuple[str, ...]]
"""Class ids by source."""


@cache
def load_meanings() -> Mapping[str, Members]:
    """Return the class ids of each meaning, by source; classes of mixed meaning are left out.

    >>> dict(load_meanings()["road_dip"])
    {'china_tt100k': ('w28',), 'italy': ('CUNETTA',)}
    """
    return MappingProxyType({name: m for name, m in _table().items() if name != EXCLUDED})


@cache
def excluded_classes() -> Members:
    """Return the class ids, by source, that hold several meanings or only parts of a sign.

    >>> excluded_classes()["belgium"]
    ('32', '35')
    """
    return _table().get(EXCLUDED, MappingProxyType({}))


def meaning_of(source: str, class_id: str) -> str | None:
    """Return what a class means, or None where it holds several meanings.

    Args:
        source: One of `SOURCES`.
        class_id: The class's name in that source.

    Returns:
        The meaning's name, or None for a class of `excluded_classes`.

    Raises:
        InputError: The source, or the class in it, is not in the table.

    >>> meaning_of("germany", "01"), meaning_of("china_tt100k", "pl30")
    ('speed_limit_30', 'speed_limit_30')
    >>> meaning_of("belgium", "32") is None
    True
    """
    by_class = _by_class()
    if source not in SOURCES:
        raise InputError(f"unknown source of signs {source!r}: {suggest(source, SOURCES)}")
    if (source, class_id) not in by_class:
        known = [name for owner, name in by_class if owner == source]
        raise InputError(f"{source} has no sign class {class_id!r}: {suggest(class_id, known)}")
    meaning = by_class[source, class_id]
    return None if meaning == EXCLUDED else meaning


def meanings_of(source: str, class_ids: Collection[str]) -> frozenset[str]:
    """Return the meanings of several classes of one source: what holding them out must hold out.

    >>> sorted(meanings_of("italy", ["BAMBINI", "LAVORI IN CORSO"]))
    ['children', 'road_works']
    """
    found = (meaning_of(source, class_id) for class_id in class_ids)
    return frozenset(meaning for meaning in found if meaning is not None)


@cache
def _by_class() -> Mapping[tuple[str, str], str]:
    """Return the meaning of each (source, class id)."""
    by_class: dict[tuple[str, str], str] = {}
    for meaning, members in _table().items():
        for source, class_ids in members.items():
            for class_id in class_ids:
                other = by_class.setdefault((source, class_id), meaning)
                if other != meaning:
                    raise ConfigError(
                        f"sign_meanings.yaml: {source} {class_id!r} is listed under both"
                        f" {other!r} and {meaning!r}; a class has one meaning"
                    )
    return MappingProxyType(by_class)


@cache
def _table() -> Mapping[str, Members]:
    """Read the table as it stands, checked for its form."""
    text = resources.files("drivemeta.data").joinpath("sign_meanings.yaml").read_text("utf-8")
    return MappingProxyType({name: _members(name, entry) for name, entry in _parsed(text).items()})


def _parsed(text: str) -> dict[str, dict[str, list[str]]]:
    content = parse_yaml(text, "sign_meanings.yaml")
    if not isinstance(content, dict):
        raise ConfigError("sign_meanings.yaml: expected a mapping of meanings")
    return content


def _members(meaning: str, entry: dict[str, list[str]]) -> Members:
    """Check one entry and freeze it."""
    for source, class_ids in entry.items():
        if source not in SOURCES:
            raise ConfigError(
                f"sign_meanings.yaml: {meaning}: unknown source {source!r}:"
                f" {suggest(source, SOURCES)}"
            )
        if not all(isinstance(class_id, str) for class_id in class_ids):
            raise ConfigError(
                f"sign_meanings.yaml: {meaning}: {source}: quote the class ids, found {class_ids!r}"
            )
    return MappingProxyType({source: tuple(class_ids) for source, class_ids in entry.items()})
