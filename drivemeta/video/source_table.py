"""Which source plugin reads a place: a table of what the manifests of the sources say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from drivemeta.errors import InputError, VideoError, suggest
from drivemeta.plugins.discovery import Found
from drivemeta.plugins.manifest import PluginManifest
from drivemeta.plugins.parameters import parameters
from drivemeta.plugins.registry import Registry, broken_among

ANY = "*"  # of suffixes and folders: whatever no other source claims
_LIKE_A_NAME = re.compile(r"([a-z0-9][a-z0-9_-]+)(:.*)?", re.DOTALL)  # but no drive letter: C:\x
Kind = tuple[str, dict[str, Any]]  # name of a source, and the parameters that say what to read


class SourceTable:
    """The sources of a registry, by what they read.

    Where a built-in source and another claim the same, the other one wins.

    Args:
        registry: Registry of the plugins.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        found = [found for found in registry if found.kind == "source"]
        self._theirs = _manifests(found, built_in=False)
        self._ours = _manifests(found, built_in=True)

    def find(self, place: str | Path) -> Kind:
        """Return the source for a place, and the parameters that name the place to it.

        A file or folder that is there always wins over a name: `synthetic` in a folder with a file
        `synthetic` is that file.

        Raises:
            InputError: several sources claim the place.
            VideoError: nothing is there, and no source has such a name or reads such addresses.
        """
        text, path = str(place), Path(place)
        if path.is_dir():
            return self._given(self._of_folder(path), text)
        if path.is_file():
            return self._given(self._of_file(path), text)
        scheme, is_address, _ = text.partition("://")
        if is_address and (sources := self._claim("schemes", scheme.lower())):
            return self._given(sources, text)
        if (named := self._by_name(text)) is not None:
            return named
        if is_address:
            known = ", ".join(sorted({key for source in self._all() for key in source.schemes}))
            raise VideoError(f"no source reads {scheme}:// addresses, found {text}; known: {known}")
        if sources := self._claim("patterns", *dict.fromkeys(text)):
            return self._given(sources, text)
        if like := _LIKE_A_NAME.fullmatch(text):
            raise VideoError(self._nothing_at(text, like[1]))
        return self._given(self._of_file(path), text)

    def reads_file(self, path: Path) -> bool:
        """Tell whether a source names this file's ending as its own."""
        return bool(self._claim("suffixes", *_endings(path)))

    def reads_folder(self, path: Path) -> bool:
        """Tell whether a folder is one recording in several files."""
        return bool(self._claim("folders", *self._marks(path)))

    def _of_file(self, path: Path) -> list[PluginManifest]:
        return self._claim("suffixes", *_endings(path), ANY)

    def _of_folder(self, path: Path) -> list[PluginManifest]:
        return self._claim("folders", *self._marks(path), ANY)

    def _marks(self, folder: Path) -> list[str]:
        """Return the names by which sources know a folder of theirs, as far as it holds them."""
        named = {name for source in self._all() for name in source.folders if name != ANY}
        return sorted(name for name in named if (folder / name).exists())

    def _claim(self, key: str, *values: str) -> list[PluginManifest]:
        """Return the sources that claim the first of the values that any claims."""
        for value in values:
            for sources in (self._theirs, self._ours):
                claims = [source for source in sources if value in getattr(source, key)]
                if claims:
                    return claims
        return []

    def _given(self, sources: list[PluginManifest], text: str) -> Kind:
        if not sources:
            raise VideoError(f"no source reads such: {text}")
        if len(sources) > 1:
            names = " and ".join(sorted(source.name for source in sources))
            raise InputError(
                f"{text}: {names} read such; say which, as in {sources[0].name}:{text}"
            )
        return sources[0].name, {sources[0].place: text}

    def _by_name(self, text: str) -> Kind | None:
        """Return the source of `NAME:REST`, or of `NAME` alone if it needs no place."""
        name, _, rest = text.partition(":")
        if name not in self._registry.names("source"):
            return None
        manifest = self._registry.find("source", name).manifest
        key = manifest.place if manifest else ""
        if rest:
            return name, {key: rest}
        wanted = parameters(self._registry.load("source", name)).get(key)
        if wanted is not None and wanted.default is wanted.empty:
            raise VideoError(
                f"expected a file or a folder, found none at {text!r}; the source {name!r} is "
                f"told what to read as {name}:PLACE"
            )
        return name, {}

    def _nothing_at(self, text: str, name: str) -> str:
        known = sorted({source.name for source in self._all()})
        near = suggest(name, known)
        hint = f"{near} " if near.startswith("did") else ""
        return (
            f"expected a file, a folder, or NAME:PLACE of a source, found nothing at {text!r} and "
            f"no source called {name!r}; {hint}sources: {', '.join(known)}"
            f"{broken_among(self._registry)}"
        )

    def _all(self) -> Iterator[PluginManifest]:
        yield from self._theirs
        yield from self._ours


def _manifests(found: Iterable[Found], *, built_in: bool) -> list[PluginManifest]:
    return [f.manifest for f in found if f.manifest and (f.origin == "built-in") == built_in]


def _endings(path: Path) -> list[str]:
    """Return what a file's name ends with, the longest first.

    >>> _endings(Path("drive.Seq.GZ"))
    ['.seq.gz', '.gz']
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return ["".join(suffixes[i:]) for i in range(len(suffixes))]
