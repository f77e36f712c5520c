"""Traced networks, kept in the user's cache folder.

Adapting changes the class bank and seldom the networks, and tracing them is the longest part of an
export. A kept graph is held against torch by the parity check like a fresh one.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import threading
from collections.abc import Callable
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from torch import nn

from drivemeta.errors import OutputError
from drivemeta.files import write_bytes
from drivemeta.models.digest import weights_digest
from drivemeta.paths import user_cache

_TRACING = threading.Lock()  # torch traces one network at a time, and says so by an assertion


def cached_graph(key: str, make: Callable[[], onnx.GraphProto]) -> onnx.GraphProto:
    """Return the graph kept under a key, or make it and keep it.

    A damaged file is made again; a folder that cannot be written only costs time. Threads that want
    graphs at once get them one after the other.
    """
    with _TRACING:
        return _graph(key, make)


def _graph(key: str, make: Callable[[], onnx.GraphProto]) -> onnx.GraphProto:
    path = user_cache() / "networks" / f"{key[:32]}.onnx"
    with contextlib.suppress(OSError, DecodeError):
        graph = onnx.GraphProto.FromString(path.read_bytes())
        if graph.node:
            return graph
    graph = make()
    with contextlib.suppress(OutputError):
        write_bytes(path, graph.SerializeToString())
    return graph


def trace_key(network: nn.Module, *settings: object) -> str:
    """Return a digest of all that a trace depends on: weights, code, settings, version of torch."""
    digest = hashlib.sha256(repr((torch.__version__, settings)).encode())
    for source in sorted({_source(module) for module in network.modules()}):
        digest.update(source.encode())
    for name, module in network.named_modules():
        digest.update(f"{name}: {module.extra_repr()}".encode())
    digest.update(weights_digest(network).encode())
    return digest.hexdigest()


def _source(module: nn.Module) -> str:
    kind = type(module)
    if kind.__module__.startswith("torch."):
        return kind.__qualname__
    file = inspect.getsourcefile(kind)
    return Path(file).read_text(encoding="utf-8") if file else kind.__qualname__
