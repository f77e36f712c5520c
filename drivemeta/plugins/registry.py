"""The registry: plugins by kind and name, imported when they are selected and not before."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from drivemeta.errors import DriveMetaError, PluginError, PluginNotFoundError, suggest
from drivemeta.plugins.calling import Calling, origin_of, remember
from drivemeta.plugins.discovery import Found, discover
from drivemeta.plugins.fitting import check_fits, check_has
from drivemeta.plugins.importing import import_beside
from drivemeta.plugins.kinds import Kind
from drivemeta.plugins.layout.protocol import DetectorLayout
from drivemeta.plugins.learner.protocol import Learner
from drivemeta.plugins.loaded import Loaded, is_class_of, of_object, with_defaults
from drivemeta.plugins.parameters import check_parameters
from drivemeta.plugins.scheduler.protocol import Scheduler
from drivemeta.plugins.sink.protocol import Sink
from drivemeta.plugins.source.protocol import Source
from drivemeta.plugins.tracker.protocol import Tracker

T = TypeVar("T")


class Registry:
    """Plugins by kind and name.

    Args:
        found: Plugins that discovery found, in order.
    """

    def __init__(self, found: Iterable[Found]) -> None:
        self._found = list(found)

    def __iter__(self) -> Iterator[Found]:
        return iter(self._found)

    def names(self, kind: Kind) -> list[str]:
        """Return the names of the plugins of a kind, sorted, broken ones too."""
        return sorted({found.name for found in self._found if found.kind == kind})

    def find(self, kind: Kind, name: str) -> Found:
        """Return one plugin.

        Raises:
            PluginNotFoundError: there is none; suggests the nearest name, says which are broken.
            PluginError: it is broken, or two have the name; names both origins.
        """
        hits = [found for found in self._found if (found.kind, found.name) == (kind, name)]
        if not hits:
            known = {found.name for found in self._found if found.kind == kind and found.manifest}
            hint = f"{suggest(name, known)}{broken_among(self._found)}"
            raise PluginNotFoundError(f"unknown {kind} {name!r}; {hint}")
        if len(hits) > 1:
            origins = " and ".join(f"{hit.origin} ({hit.folder})" for hit in hits)
            raise PluginError(f"two plugins are called {kind} {name!r}: from {origins}; rename one")
        if hits[0].manifest is None:
            raise PluginError(f"{kind} {name!r} is broken: {hits[0].problem}")
        return hits[0]

    def load(self, kind: Kind, name: str) -> type:
        """Import a plugin's class and check that it fits its protocol.

        Raises:
            PluginError: its code fails to import, or a method does not fit; shows both signatures.
        """
        found = self.find(kind, name)
        where = f"{kind} {name!r} from {found.origin}"
        loaded = _imported(found, where)
        check_fits(kind, loaded, where)
        remember(loaded, where)
        return loaded

    @overload
    def create(self, kind: Literal["learner"], plugin_name: str, /, **params: Any) -> Learner: ...
    @overload
    def create(self, kind: Literal["source"], plugin_name: str, /, **params: Any) -> Source: ...
    @overload
    def create(self, kind: Literal["tracker"], plugin_name: str, /, **params: Any) -> Tracker: ...
    @overload
    def create(self, kind: Literal["sink"], plugin_name: str, /, **params: Any) -> Sink: ...
    @overload
    def create(
        self, kind: Literal["scheduler"], plugin_name: str, /, **params: Any
    ) -> Scheduler: ...
    @overload
    def create(
        self, kind: Literal["layout"], plugin_name: str, /, **params: Any
    ) -> DetectorLayout: ...
    @overload  # a detector is an `nn.Module` as well, which no type can say
    def create(self, kind: Kind, plugin_name: str, /, **params: Any) -> Any: ...

    def create(self, kind: Kind, plugin_name: str, /, **params: Any) -> Any:
        """Import a plugin and build it with its parameters.

        Raises:
            InputError: lists every parameter that is unknown, missing or of another type.
            PluginError: it cannot be loaded or built, or lacks an attribute of its protocol.
        """
        return self.build(kind, plugin_name, **params).object

    def build(self, kind: Kind, plugin_name: str, /, **params: Any) -> Loaded[Any]:
        """Build a plugin as `create` does; return it with its name, version and parameters.

        Raises:
            InputError: lists every parameter that is unknown, missing or of another type.
            PluginError: it cannot be loaded or built, or lacks an attribute of its protocol.
        """
        found, loaded = self.find(kind, plugin_name), self.load(kind, plugin_name)
        given = check_parameters(loaded, params, f"{kind} {plugin_name!r}")
        with Calling(loaded, "__init__"):
            plugin = loaded(**given)
        check_has(kind, plugin, origin_of(loaded))
        return Loaded(
            name=found.name,
            version=found.version,
            origin=found.origin,
            folder=found.folder,
            params=with_defaults(loaded, given),
            object=plugin,
        )

    def identify(self, kind: Kind, plugin: T) -> Loaded[T]:
        """Return what is known of a plugin that is built already, found by its class.

        An object whose class no manifest names goes by that class's name in lower case.
        """
        known = (found for found in self._found if found.kind == kind)
        return of_object(plugin, next((f for f in known if is_class_of(type(plugin), f)), None))


def broken_among(plugins: Iterable[Found]) -> str:
    """Return the end of a message that says which plugins are broken and why; empty if none is."""
    broken = [f"{found.name} ({found.problem})" for found in plugins if found.manifest is None]
    return f"; broken: {', '.join(broken)}; see `drivemeta plugins`" if broken else ""


def default_registry(extra_paths: Iterable[Path] = ()) -> Registry:
    """Return the registry of the built-in plugins, named folders and installed packages."""
    return Registry(discover(extra_paths))


def _imported(found: Found, where: str) -> type:
    """Import what the manifest's entry names; any failure of the plugin's code is reported."""
    manifest = found.manifest
    if manifest is None or found.folder is None:
        raise PluginError(f"{where} is broken: {found.problem}")
    module_name, class_name = manifest.entry.split(":")
    try:
        if found.package:
            module = importlib.import_module(f"{found.package}.{module_name}")
        else:
            module = import_beside(found.folder, manifest.kind, found.name, module_name)
        loaded: type = getattr(module, class_name)
    except (Exception, SystemExit) as error:
        hint = f"; it needs: pip install 'drivemeta[{manifest.extra}]'" if manifest.extra else ""
        raise PluginError(f"{where} cannot be imported: {_said(error)}{hint}") from error
    return loaded


def _said(error: BaseException) -> str:
    """Return what an error says, with its kind unless it is one of ours, and the file's path."""
    if isinstance(error, DriveMetaError):
        return str(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    return f"{type(error).__name__}: {error}"
