"""Calling a plugin: what it raises and what it returns wrongly is told as its own fault.

`registry` writes down where each class came from; here it is only read, and only on failure.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from drivemeta.core import Frame
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import DriveMetaError, PluginError
from drivemeta.plugins.source.protocol import Source, SourceCounts

Value = TypeVar("Value")
_ORIGINS: WeakKeyDictionary[type, str] = WeakKeyDictionary()


def remember(loaded: type, where: str) -> None:
    """Write down where a plugin's class came from: its kind, name and origin as words."""
    _ORIGINS[loaded] = where


def origin_of(plugin: object) -> str:
    """Return a plugin's kind, name and origin; of one that no registry built, its class.

    >>> from fractions import Fraction
    >>> origin_of(Fraction(1))
    'Fraction of fractions'
    """
    kind = _class_of(plugin)
    return _ORIGINS.get(kind, f"{kind.__qualname__} of {kind.__module__}")


class Calling:
    """A context in which one method of a plugin is called, as often as one likes.

    It keeps nothing between calls, so one made before a loop serves all its frames and threads.
    Errors of DriveMeta pass, as do signals (`KeyboardInterrupt`), which are nobody's fault; but a
    plugin that exits has failed.

    Args:
        plugin: Plugin of any kind; while it is being built, its class.
        method: Name of the method.

    Raises:
        PluginError: on leaving, if the plugin raised anything else; that is the cause.
    """

    __slots__ = ("_method", "_plugin")

    def __init__(self, plugin: object, method: str) -> None:
        self._plugin, self._method = plugin, method

    def __enter__(self) -> Calling:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, DriveMetaError) or not isinstance(error, (Exception, SystemExit)):
            return
        raise PluginError(
            f"{origin_of(self._plugin)} failed in `{self._method}`, {_place(self._plugin, trace)}: "
            f"{type(error).__name__}: {error}"
        ) from error

    def returned(self, value: object, wanted: type[Value]) -> Value:
        """Return what the method returned.

        Raises:
            PluginError: it is of another type.
        """
        if isinstance(value, wanted):
            return value
        raise PluginError(
            f"{origin_of(self._plugin)}: expected `{self._method}` to give {_article(wanted)}, "
            f"found {_article(type(value))}"
        )

    def returned_with(self, value: Value, *methods: str) -> Value:
        """Return what the method returned, which must have methods of its own.

        Raises:
            PluginError: it lacks one; names them all.
        """
        missing = [name for name in methods if not callable(getattr(value, name, None))]
        if not missing:
            return value
        raise PluginError(
            f"{origin_of(self._plugin)}: expected `{self._method}` to give an object with "
            f"{', '.join(f'`{name}`' for name in missing)}, found {_article(type(value))} without"
        )


def info_of(source: Source) -> StreamInfo:
    """Return what a source says of its stream.

    Raises:
        PluginError: it fails, or gives something else.
    """
    asking = Calling(source, "info")
    with asking:
        return asking.returned(source.info(), StreamInfo)


def counts_of(source: Source) -> SourceCounts:
    """Return what a source has met with so far.

    Raises:
        PluginError: it fails, or gives something else.
    """
    asking = Calling(source, "counts")
    with asking:
        return asking.returned(source.counts(), SourceCounts)


def frames_of(source: Source) -> Iterator[Frame]:
    """Yield the frames of a source.

    Raises:
        PluginError: it fails, or yields something else.
    """
    reading = Calling(source, "__iter__")
    with reading:
        frames = iter(source)
    end: Any = object()
    while True:
        with reading:
            frame = next(frames, end)
        if frame is end:
            return
        yield reading.returned(frame, Frame)


def _place(plugin: object, trace: TracebackType | None) -> str:
    """Return file and line of the innermost call in the plugin's folder, of the last one if none.

    `trace` begins where the context was entered, so it is never empty.
    """
    file = getattr(sys.modules.get(_class_of(plugin).__module__), "__file__", None)
    calls = traceback.extract_tb(trace)
    own = [call for call in calls if file and Path(file).parent in Path(call.filename).parents]
    call = (own or calls)[-1]
    return f"{call.filename}:{call.lineno}"


def _class_of(plugin: object) -> type:
    return plugin if isinstance(plugin, type) else type(plugin)


def _article(kind: type) -> str:
    name = "None" if kind is type(None) else kind.__name__
    return name if name == "None" else f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
