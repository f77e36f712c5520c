"""Joining a Ray cluster, and what its errors mean."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from drivemeta.errors import InputError, ProviderError

LOCAL = "local"
KNOCK_S = 10.0


@contextmanager
def joined(address: str) -> Iterator[ModuleType]:
    """Join a cluster; give Ray's module, and leave the cluster again if it was joined here.

    Args:
        address: `auto` for the cluster of this machine, `HOST:PORT`, `ray://HOST:PORT` for Ray's
            client, or `local` for one that lasts as long as this does.

    Raises:
        InputError: Ray is not installed.
        ProviderError: there is no such cluster.
    """
    try:
        import ray  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise InputError(
            f"--ray: Ray cannot be imported ({error}): pip install 'drivemeta[fleet]'"
        ) from error
    mine = not ray.is_initialized()
    if mine:
        options: dict[str, Any] = {"logging_level": logging.WARNING, "log_to_driver": False}
        try:
            _knock(address)
            ray.init(**options, **({} if address == LOCAL else {"address": address}))
        except Exception as error:
            raise ProviderError(
                f"--ray: expected a Ray cluster at {address!r}, cannot join one "
                f"({str(error).splitlines()[0]}); start one by `ray start --head`, or say local"
            ) from error
    try:
        yield ray
    finally:
        if mine:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError if nobody answers at `HOST:PORT`: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), KNOCK_S).close()


def cpus_of(ray: Any) -> int:
    """Return how many CPUs a cluster has at the moment."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))
