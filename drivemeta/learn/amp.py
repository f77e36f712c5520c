"""Mixed precision where the processor gains by it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

_NATIVE = ("avx512_bf16", "amx_bf16")


def has_native_bfloat16() -> bool:
    """Tell whether this CPU multiplies bfloat16 in hardware; elsewhere it is emulated, slowly."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8") if info.is_file() else ""
    return any(flag in flags for flag in _NATIVE)


def autocast(mode: str) -> AbstractContextManager[object]:
    """Return a bfloat16 autocast context: `on`, `off`, or `auto` by the processor."""
    if mode == "on" or (mode == "auto" and has_native_bfloat16()):
        return torch.autocast("cpu", torch.bfloat16)
    return nullcontext()
