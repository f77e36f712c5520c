"""One call of the command line: the plugins that it knows, found once for all that is done."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from drivemeta.plugins import Registry


class Invocation:
    """What the commands of one call share; it is the `obj` of their Typer context.

    Attributes:
        plugin_paths: Folders of plugins that `--plugin-path` names, in order.
    """

    def __init__(self) -> None:
        self.plugin_paths: list[Path] = []

    @cached_property
    def registry(self) -> Registry:
        """The plugins: manifests are read on the first use, and once."""
        from drivemeta.plugins import default_registry

        return default_registry(self.plugin_paths)


def registry_of(ctx: typer.Context) -> Registry:
    """Return the registry that a command hands to whatever needs plugins."""
    return ctx.ensure_object(Invocation).registry


def _add_paths(ctx: typer.Context, paths: list[Path] | None) -> list[Path] | None:
    if paths:
        ctx.ensure_object(Invocation).plugin_paths += paths
    return paths


PluginPathOption = Annotated[
    list[Path] | None,
    typer.Option("--plugin-path", callback=_add_paths, help="Another folder of plugins."),
]
