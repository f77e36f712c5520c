"""`drivemeta plugins`: what is there, where from, and whether it works."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivemeta.cli.common import JsonOption, emit_json
from drivemeta.cli.invocation import PluginPathOption, registry_of
from drivemeta.cli.shown import console, new_table

if TYPE_CHECKING:
    from drivemeta.plugins.discovery import Found
    from drivemeta.plugins.registry import Registry

app = typer.Typer(help="List the plugins, or show one.", invoke_without_command=True)


@app.callback()
def plugins(
    ctx: typer.Context,
    plugin_path: PluginPathOption = None,  # noqa: ARG001  (its callback does it)
    as_json: JsonOption = False,
) -> None:
    """List all plugins: name, kind, version, origin, state, summary."""
    if ctx.invoked_subcommand is not None:
        return
    registry = registry_of(ctx)
    rows = [_row(registry, found) for found in sorted(registry, key=_place_of_kind)]
    if as_json:
        emit_json({"plugins": rows})
        return

    columns = ("name", "kind", "version", "origin", "state", "summary")
    table = new_table(*columns)
    for row in rows:
        style = "" if row["state"] == "ok" else "red"
        table.add_row(*(row[column] for column in columns), style=style)
    console(stderr=False).print(table)


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a plugin, or KIND/NAME.")],
    plugin_path: PluginPathOption = None,  # noqa: ARG001  (its callback does it)
    as_json: JsonOption = False,
) -> None:
    """Print a plugin's manifest and parameters."""
    from drivemeta.errors import PluginNotFoundError, suggest
    from drivemeta.plugins.registry import broken_among

    registry = registry_of(ctx)
    kind, _, bare = name.rpartition("/")
    hits = [f for f in registry if f.name == bare and kind in ("", f.kind)]
    if not hits:
        known = {found.name for found in registry if found.manifest}
        hint = f"{suggest(bare, known)}{broken_among(registry)}"
        raise PluginNotFoundError(f"unknown plugin {name!r}; {hint}")
    described = [_describe(registry, found) for found in hits]
    if as_json:
        emit_json({"plugins": described})
    else:
        for entry in described:
            _print(entry)


def _place_of_kind(found: Found) -> int:
    """Return where a plugin's kind stands in the list; at the end if it is unknown."""
    from drivemeta.plugins.kinds import KINDS

    return KINDS.index(found.kind) if found.kind else len(KINDS)


def _row(registry: Registry, found: Found) -> dict[str, str]:
    manifest, problem = found.manifest, _problem(registry, found)
    return {
        "name": found.name,
        "kind": found.kind,
        "version": found.version,
        "origin": found.origin,
        "state": f"broken: {problem}" if problem else "ok",
        "summary": manifest.summary if manifest else "",
    }


def _describe(registry: Registry, found: Found) -> dict[str, Any]:
    problem = _problem(registry, found)
    return {
        "manifest": _manifest(found),
        "origin": found.origin,
        "folder": str(found.folder or ""),
        "parameters": []
        if problem or found.manifest is None
        else _parameters(registry.load(found.manifest.kind, found.name)),
        "problem": problem,
    }


def _manifest(found: Found) -> dict[str, Any]:
    """Return what a manifest says, without what only those of sources can say."""
    from drivemeta.plugins.manifest import OF_SOURCES

    if found.manifest is None:
        return {"name": found.name}
    return found.manifest.model_dump(exclude=None if found.kind == "source" else set(OF_SOURCES))


def _parameters(loaded: type) -> list[dict[str, Any]]:
    from drivemeta.core.run import CONTEXT
    from drivemeta.plugins.parameters import parameters

    return [
        {
            "name": name,
            "type": "" if p.annotation is p.empty else _written(p.annotation),
            "required": p.default is p.empty,
            "default": None if p.default is p.empty else p.default,
        }
        for name, p in parameters(loaded).items()
        if name != CONTEXT  # the run gives it
    ]


def _written(annotation: object) -> str:
    """Return a type as one writes it; it is text already if annotations are postponed."""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _print(entry: dict[str, Any]) -> None:
    facts = new_table(box=None, show_header=False)
    shown = {**entry["manifest"], "origin": entry["origin"], "folder": entry["folder"]}
    for key, value in (shown | {"problem": entry["problem"]}).items():
        if value:
            facts.add_row(key, str(value))
    console(stderr=False).print(facts)
    table = new_table("parameter", "type", "default")
    for row in entry["parameters"]:
        default = "required" if row["required"] else repr(row["default"])
        table.add_row(row["name"], row["type"], default)
    if entry["parameters"]:
        console(stderr=False).print(table)


def _problem(registry: Registry, found: Found) -> str:
    """Return why a plugin cannot be used, or nothing; this imports it."""
    from drivemeta.errors import DriveMetaError

    if found.manifest is None:
        return found.problem
    try:
        registry.load(found.manifest.kind, found.name)
    except DriveMetaError as error:
        return str(error)
    return ""
