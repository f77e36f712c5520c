"""Finding plugins: the built-in folder, folders the user names, and installed packages.

Only manifests are read here; nothing else is ever scanned and no plugin's code is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from drivemeta.errors import PluginError
from drivemeta.paths import builtin_folder
from drivemeta.plugins.kinds import KINDS, Kind
from drivemeta.plugins.manifest import (
    FILE_NAME,
    PluginManifest,
    folder_of,
    load_manifest,
    parse_manifest,
)

ENVIRONMENT = "DRIVEMETA_PLUGIN_PATH"
ENTRY_POINTS = "drivemeta.plugins"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A plugin that was found, or what is known of one that is broken.

    Attributes:
        name: Name of the plugin; the folder's or entry point's name if the manifest is unreadable.
        kind: Kind of the plugin, by its folder if the manifest does not say, or empty.
        origin: `built-in`, a folder, or a distribution with its version.
        folder: Folder that holds the manifest.
        manifest: None if it is broken.
        problem: Reason why it is broken.
        version: Version of the plugin, as far as it is known.
        package: Import name of the folder, if the plugin belongs to an installed package.
    """

    name: str
    origin: str
    kind: Kind | Literal[""] = ""
    folder: Path | None = None
    manifest: PluginManifest | None = None
    problem: str = ""
    version: str = ""
    package: str = ""


def discover(extra_paths: Iterable[Path] = ()) -> Iterator[Found]:
    """Yield every plugin of the three places, broken ones too.

    Args:
        extra_paths: Folders laid out like the built-in one (`learners/NAME/plugin.yaml`), or plugin
            folders themselves; those of the environment variable come after them. One that is named
            twice counts once.
    """
    yield from _folder(builtin_folder("plugins"), "built-in")
    listed = os.environ.get(ENVIRONMENT, "")
    named = [*extra_paths, *(Path(p) for p in listed.split(os.pathsep) if p)]
    for path in {path.resolve(): path for path in named}.values():
        if path.is_dir():
            yield from _folder(path, str(path))
        else:
            problem = f"expected a folder of plugins, found none at {path}"
            yield Found(name=path.name, origin=str(path), problem=problem)
    yield from _installed()


def _folder(root: Path, origin: str) -> Iterator[Found]:
    if (root / FILE_NAME).is_file():
        yield _read(root, origin)
        return
    for kind in KINDS:
        for folder in sorted((root / folder_of(kind)).glob("*/")):
            if (folder / FILE_NAME).is_file():
                yield _read(folder, origin, kind)


def _installed() -> Iterator[Found]:
    for point in metadata.entry_points(group=ENTRY_POINTS):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.module
        version = point.dist.version if point.dist else ""
        try:
            folder = _package_folder(point)
        except PluginError as error:
            yield Found(name=point.name, origin=origin, problem=str(error), version=version)
            continue
        found = _read(folder, origin)
        yield replace(found, version=found.version or version, package=point.module)


def _package_folder(point: metadata.EntryPoint) -> Path:
    """Return the folder of an entry point's package, without importing any of it."""
    expected = f"entry point {point.name} = {point.value}: expected {FILE_NAME} in package"
    top, *below = point.module.split(".")
    spec = find_spec(top)  # of a top-level name, this imports nothing
    for n in range(len(below)):
        name = ".".join([top, *below[: n + 1]])
        places = spec.submodule_search_locations if spec else None
        spec = PathFinder.find_spec(name, places) if places else None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / FILE_NAME).is_file():
            return Path(place)
    raise PluginError(f"{expected} {point.module}, found {'none in it' if spec else 'no package'}")


def _read(folder: Path, origin: str, kind: Kind | Literal[""] = "") -> Found:
    """Read a manifest; `kind` is what the folder above says, if anything."""
    found = Found(name=folder.name, kind=kind, origin=origin, folder=folder)
    try:
        raw = load_manifest(folder / FILE_NAME)
    except PluginError as error:
        return replace(found, problem=str(error))
    found = replace(
        found,
        name=str(raw.get("name", folder.name)),
        kind=next((known for known in KINDS if raw.get("kind", kind) == known), kind),
        version=str(raw.get("version", "")),
    )
    try:
        manifest = parse_manifest(raw, str(folder / FILE_NAME))
        if kind and manifest.kind != kind:
            raise PluginError(
                f"{folder / FILE_NAME}: expected kind {kind} by its folder, found {manifest.kind}"
            )
    except PluginError as error:
        return replace(found, problem=str(error))
    return replace(found, manifest=manifest)
