"""Every error that DriveMeta raises on purpose.

    DriveMetaError
    ├── InputError             the input or the usage is wrong (exit code 2)
    │   ├── ConfigError        a configuration file or value
    │   ├── AnnotationError    a support set or an annotation file
    │   ├── PluginNotFoundError  a plugin name that is not registered
    │   ├── MissingExtraError  a package that an optional part needs is not installed
    │   ├── ModelFileError     an ONNX or safetensors file that is not what it should be
    │   └── VideoError         a video, image folder or stream that cannot be read
    ├── PluginError            a plugin is broken, clashes or does not fit its protocol
    ├── ProviderError          an execution provider that was requested does not run
    ├── ParityError            an exported model disagrees with the torch model
    └── OutputError            a result cannot be written

Every message says what was expected, what was found, where, and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

OF_ADAPT = {"onnxscript", "torch"}  # of the extra `adapt`: no model needs them to run


class DriveMetaError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class InputError(DriveMetaError):
    """The user's input or usage is wrong."""

    exit_code = 2


class ConfigError(InputError):
    """A configuration is invalid; the message lists every mistake found."""


class AnnotationError(InputError):
    """An annotation file or support set is invalid; the message names the file and the entry."""


class PluginNotFoundError(InputError):
    """No plugin of that kind has that name."""


class MissingExtraError(InputError, ImportError):
    """A package that an optional part needs is not installed; the message says how it would be."""


class ModelFileError(InputError):
    """A model file is missing, corrupted, or was not written by DriveMeta."""


class VideoError(InputError):
    """A source of frames cannot be opened or read."""


class PluginError(DriveMetaError):
    """A plugin is broken, clashes with another, or does not fit its protocol."""


class ProviderError(DriveMetaError):
    """An execution provider that was requested cannot run the model."""


class ParityError(DriveMetaError):
    """An exported model does not compute what the torch model computes."""


class OutputError(DriveMetaError):
    """A result cannot be written where it should go."""


@contextmanager
def adapting(what: str = "this") -> Iterator[None]:
    """Say of what only adapting and training need, where it is not installed, how it would be.

    Args:
        what: Beginning of the message: what needs it.

    Raises:
        MissingExtraError: torch is needed and not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in OF_ADAPT:
            raise
        raise MissingExtraError(
            f"{what} needs {package}, which is not installed: pip install 'drivemeta[adapt]'"
        ) from error


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known name, or all of them if none is near.

    >>> suggest("protonte", ["protonet", "maml"])
    "did you mean 'protonet'?"
    >>> suggest("zzz", ["b", "a"])
    'known: a, b'
    """
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known: {', '.join(known)}" if known else "none is known"
