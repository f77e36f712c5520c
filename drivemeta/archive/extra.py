"""What the archive on disk needs beyond the package itself: the extra `archive`."""

from __future__ import annotations

import importlib
from types import ModuleType

from drivemeta.errors import InputError


def needed(module: str, extra: str = "archive") -> ModuleType:
    """Import a module of an extra.

    Raises:
        InputError: it is not installed; the message says how it would be.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"this needs {module.partition('.')[0]}, which cannot be imported ({error}): pip "
            f"install 'drivemeta[{extra}]'"
        ) from error
