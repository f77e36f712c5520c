"""What this machine has, which providers really run a model, and what to install."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from drivemeta.errors import DriveMetaError
from drivemeta.runtime.gpus import Gpu, nvidia_gpus
from drivemeta.version import release

if TYPE_CHECKING:
    from drivemeta.runtime.providers import Provider

State = Literal["ok", "off", "problem"]
INSTALL: dict[Provider, str] = {
    "tensorrt": "pip install tensorrt-cu12 (or the TensorRT of your CUDA), with `drivemeta[gpu]`",
    "cuda": "pip install 'drivemeta[gpu]' (CUDA, cuDNN), and the NVIDIA driver on the host",
    "coreml": "macOS only: its onnxruntime wheel has it",
    "directml": "Windows only: pip install onnxruntime-directml, in place of onnxruntime",
    "openvino": "pip install onnxruntime-openvino, in place of onnxruntime",
    "cpu": "pip install onnxruntime",
}
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "asimddp")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        what: Subject examined.
        state: `ok`, `off` (not here, and not needed) or `problem`.
        found: Finding in words.
        advice: Advice on what to do; empty where there is nothing to do.
    """

    what: str
    state: State
    found: str
    advice: str = ""


@dataclass(frozen=True)
class MachineReport:
    """All findings."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        """Whether there is no problem."""
        return all(finding.state != "problem" for finding in self.findings)


def diagnose() -> MachineReport:
    """Look at everything that models depend on here."""
    gpus = nvidia_gpus()
    return MachineReport(
        [
            Finding("drivemeta", "ok", release()),
            machine(),
            processor(_cpu_flags()),
            graphics(gpus),
            distributions(_installed("onnxruntime")),
            opencv(_installed("opencv")),
            importable("av", "video files and streams are read by it: pip install av"),
            importable(
                "torch",
                "only what learns needs it: pip install 'drivemeta[adapt]'",
            ),
            *(provider(name, bool(gpus)) for name in INSTALL),
        ]
    )


def machine() -> Finding:
    """Return system, Python and memory."""
    text = f"{platform.system()} {platform.machine()}, Python {sys.version.split()[0]}"
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        n_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        text += f", {n_bytes / 2**30:.0f} GiB of memory"
    return Finding("machine", "ok", text)


def processor(flags: tuple[str, ...]) -> Finding:
    """Return cores and the instructions that int8 and bfloat16 speed hang on."""
    text = f"{os.cpu_count()} cores; {', '.join(flags) or 'no flags known'}"
    fast = {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"} & set(flags)
    advice = "" if fast else "without VNNI, int8 gains less over fp32 on this processor"
    return Finding("processor", "ok", text, advice)


def graphics(gpus: tuple[Gpu, ...]) -> Finding:
    """Return the NVIDIA GPUs."""
    if not gpus:
        return Finding("NVIDIA GPU", "off", "none: nvidia-smi is absent or finds none")
    return Finding("NVIDIA GPU", "ok", "; ".join(", ".join(gpu) for gpu in gpus))


def distributions(installed: dict[str, str]) -> Finding:
    """Return which ONNX Runtime is installed; two in one environment overwrite each other."""
    text = ", ".join(f"{name} {version}" for name, version in sorted(installed.items()))
    if len(installed) > 1:
        names = " ".join(sorted(installed))
        advice = (
            f"they share one folder and overwrite each other: pip uninstall -y {names}, then "
            "install the one that you want"
        )
        return Finding("ONNX Runtime", "problem", text, advice)
    return Finding("ONNX Runtime", "ok", text or "not installed as a package")


def opencv(installed: dict[str, str]) -> Finding:
    """Return which OpenCV is installed and whether it can be imported."""
    text = ", ".join(f"{name} {version}" for name, version in sorted(installed.items())) or "none"
    try:
        importlib.import_module("cv2")
    except ImportError as error:
        return Finding("OpenCV", "problem", f"{text}: {error}", opencv_advice(str(error)))
    if len(installed) > 1:
        advice = "they overwrite each other: uninstall all, then install one"
        return Finding("OpenCV", "problem", text, advice)
    return Finding("OpenCV", "ok", text)


def opencv_advice(error: str) -> str:
    """Return what to do when OpenCV cannot be imported.

    >>> opencv_advice("libGL.so.1: cannot open shared object file")[:26]
    'apt-get install -y libgl1 '
    """
    if "libGL" in error or "libgthread" in error or "libglib" in error:
        return (
            "apt-get install -y libgl1 libglib2.0-0, or without a display: pip uninstall -y "
            "opencv-python && pip install opencv-python-headless"
        )
    return "pip install --force-reinstall opencv-python"


def importable(module: str, why: str) -> Finding:
    """Return whether a library is there and loads."""
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        return Finding(module, "off", str(error), why)
    return Finding(module, "ok", str(getattr(found, "__version__", "there")))


def provider(name: Provider, has_gpu: bool) -> Finding:
    """Return whether a provider is built in, loads and computes what numpy computes."""
    what = f"provider {name}"
    try:  # a broken installation is what this is to tell of
        import onnxruntime as ort  # noqa: PLC0415

        from drivemeta.runtime.providers import (  # noqa: PLC0415
            PROVIDERS,
            SessionOptions,
            create_session,
        )
    except ImportError as error:
        advice = "pip install --force-reinstall onnxruntime (or the build that you use)"
        return Finding(what, "problem", f"ONNX Runtime cannot be imported: {error}", advice)
    if PROVIDERS[name] not in ort.get_available_providers():
        return Finding(what, "off", "not in this build of ONNX Runtime", INSTALL[name])
    try:
        session, running = create_session(_model(), SessionOptions(name))
    except DriveMetaError:
        wanted = has_gpu and name == "cuda"
        advice = INSTALL[name] if has_gpu or name not in ("cuda", "tensorrt") else ""
        reason = "built in, but does not load" + ("" if has_gpu else ": no NVIDIA GPU or driver")
        return Finding(what, "problem" if wanted else "off", reason, advice)
    x = np.linspace(-1, 1, 48, dtype=np.float32).reshape(1, 3, 4, 4)
    (found,) = session.run(None, {"x": x})
    worst = float(np.abs(found - np.maximum(x.sum(1, keepdims=True) * 0.5, 0)).max())
    if running != name or not worst < 1e-3:
        text = f"runs on {running}, results differ by {worst:.2g}"
        return Finding(what, "problem", text, "its driver or libraries do not fit; update them")
    return Finding(what, "ok", f"runs a model, results differ by {worst:.1g} from numpy")


def _model() -> bytes:
    """Return a model of one convolution and one activation."""
    weights = numpy_helper.from_array(np.full((1, 3, 1, 1), 0.5, np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Relu", ["c"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "doctor",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 4, 4])],
        [weights],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    data: bytes = model.SerializeToString()
    return data


def _installed(stem: str) -> dict[str, str]:
    """Return the distributions whose names begin so, with their versions."""
    found = {}
    for each in metadata.distributions():
        name = (each.metadata["Name"] or "").lower().replace("_", "-")
        if name == stem or name.startswith(f"{stem}-"):
            found[name] = each.version
    found.pop("onnxruntime-extensions", None)  # operators beside it, not another build
    return found


def _cpu_flags() -> tuple[str, ...]:
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return ()
    words = set(info.read_text(encoding="utf-8", errors="replace").split())
    return tuple(flag for flag in _FLAGS if flag in words)
