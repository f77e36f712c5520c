"""Parameters of plugins as text: `PLUGIN.NAME=VALUE`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drivemeta.core.run import CONTEXT, RunContext
from drivemeta.errors import InputError, suggest
from drivemeta.plugins.kinds import Kind
from drivemeta.plugins.parameters import parameters
from drivemeta.plugins.registry import Registry

Settings = dict[str, dict[str, Any]]


def parse_settings(texts: Iterable[str]) -> Settings:
    """Return the parameters by plugin and name; plugins convert them to their own types.

    `null` stands for None.

    Raises:
        InputError: a text is not `PLUGIN.NAME=VALUE`.

    >>> parse_settings(["mp4.encoder=mpeg4", "mqtt.address=broker:1883"])
    {'mp4': {'encoder': 'mpeg4'}, 'mqtt': {'address': 'broker:1883'}}
    """
    settings: Settings = {}
    for text in texts:
        key, equals, value = text.partition("=")
        plugin, dot, name = key.strip().partition(".")
        if not (equals and dot and plugin and name):
            raise InputError(
                f"--set: expected PLUGIN.NAME=VALUE such as mp4.encoder=mpeg4, found {text!r}"
            )
        settings.setdefault(plugin, {})[name] = None if value == "null" else value
    return settings


def check_settings(settings: Mapping[str, Mapping[str, Any]], used: Iterable[str]) -> None:
    """Refuse settings of plugins that the run does not use.

    Raises:
        InputError: names the plugin and those that are used.
    """
    known = sorted(set(used))
    for plugin in settings:
        if plugin not in known:
            raise InputError(f"--set: {plugin!r} has no part in this run; {suggest(plugin, known)}")


def create_with(
    registry: Registry,
    kind: Kind,
    name: str,
    settings: Mapping[str, Mapping[str, Any]],
    context: RunContext,
) -> Any:
    """Build a tracker, sink or scheduler for a run.

    Args:
        registry: Registry of the plugins.
        kind: Kind of the plugin.
        name: Name of the plugin.
        settings: Parameters that the user sets, by plugin.
        context: What the run gives, to a plugin that has a parameter of that name.

    Raises:
        InputError: a setting does not fit.
    """
    given = settings.get(name, {})
    if CONTEXT in given:
        raise InputError(f"--set: {name}.{CONTEXT} is given by the run and cannot be set")
    accepted = parameters(registry.load(kind, name))
    offered = {CONTEXT: context} if CONTEXT in accepted else {}
    return registry.create(kind, name, **given, **offered)
