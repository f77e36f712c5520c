"""From names in a configuration to plugin objects; configurations never enter the classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drivemeta.plugins.kinds import Kind
from drivemeta.plugins.registry import Registry


class PluginChoice(BaseModel):
    """A plugin and its parameters, as a configuration writes them.

    `bytetrack` alone, or `bytetrack: {patience: 30}`, or `{name: bytetrack, params: {...}}`.

    >>> PluginChoice.model_validate({"bytetrack": {"patience": 30}})
    PluginChoice(name='bytetrack', params={'patience': 30})
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, Mapping) and len(value) == 1 and "name" not in value:
            ((name, params),) = value.items()
            return {"name": name, "params": params or {}}
        return value


def build(registry: Registry, kind: Kind, choice: PluginChoice, **given: Any) -> Any:
    """Build the plugin that was chosen.

    Args:
        registry: where plugins are looked up.
        kind: of the plugin.
        choice: its name and the parameters of the configuration.
        given: parameters that the program sets; they override the configuration's.

    Raises:
        InputError: there is no such plugin, or a parameter is wrong; lists every mistake.
    """
    return registry.create(kind, choice.name, **{**choice.params, **given})
