"""Mixed precision where the processor gains by it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Literal

import torch

Amp = Literal["auto", "on", "off"]
_NATIVE = ("avx512_bf16", "amx_bf16")


@cache
def has_native_bfloat16() -> bool:
    """Tell whether this CPU multiplies bfloat16 in hardware; elsewhere it is emulated, slowly."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8") if info.is_file() else ""
    return any(flag in flags for flag in _NATIVE)


def autocast(mode: Amp) -> AbstractContextManager[object]:
    """Return a bfloat16 autocast context: `on`, `off`, or `auto` by the processor."""
    return torch.autocast("cpu", torch.bfloat16) if wants_bfloat16(mode) else nullcontext()


def wants_bfloat16(mode: Amp) -> bool:
    """Tell whether a mode means bfloat16 on this processor."""
    return mode == "on" or (mode == "auto" and has_native_bfloat16())
