"""The options of each execution provider: functions of the settings, tested without the device.

After ONNX Runtime's pages on its execution providers, onnxruntime.ai/docs/execution-providers.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from drivemeta.errors import InputError
from drivemeta.paths import user_cache

Precision = Literal["fp32", "fp16", "int8"]
TENSORRT, CUDA, CPU = "TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"
OPENVINO, COREML, DIRECTML = (
    "OpenVINOExecutionProvider",
    "CoreMLExecutionProvider",
    "DmlExecutionProvider",
)


@dataclass(frozen=True)
class Shapes:
    """Which frames a session will see.

    Attributes:
        frame_size: Height and width of all of them, or None if they vary.
        max_batch: Most frames in one call.
        fixed_batch: Whether every call has `max_batch` frames.
    """

    frame_size: tuple[int, int] | None = None
    max_batch: int = 1
    fixed_batch: bool = False

    def __post_init__(self) -> None:
        if self.max_batch < 1 or (self.frame_size is not None and min(self.frame_size) < 1):
            raise InputError(
                f"expected a batch and a frame size of at least 1, found {self.max_batch} and "
                f"{self.frame_size}"
            )


@dataclass(frozen=True)
class DeviceSettings:
    """How a provider uses its device.

    Attributes:
        shapes: Shapes of the frames to come.
        device: Index of the GPU.
        precision: Precision of the model: TensorRT builds float16 and int8 kernels on request.
        cuda_graph: Whether to capture the launches of a call and replay them: for frames of one
            size, batches of one size and a baked bank.
        cache: Folder of TensorRT's engines and timings, None for the user's cache folder.
        model_digest: SHA-256 of the model, so that an engine never serves another.
        machine: GPU, driver and versions: an engine is built for one of each.
    """

    shapes: Shapes = Shapes()
    device: int = 0
    precision: Precision = "fp32"
    cuda_graph: bool = False
    cache: Path | None = None
    model_digest: str = ""
    machine: str = ""


def options_for(provider: str, settings: DeviceSettings) -> dict[str, str]:
    """Return the options of a provider, by its full name.

    >>> options_for("CPUExecutionProvider", DeviceSettings())
    {}
    """
    makers = {
        TENSORRT: _tensorrt,
        CUDA: _cuda,
        OPENVINO: _openvino,
        COREML: _coreml,
        DIRECTML: _directml,
    }
    make = makers.get(provider)
    return make(settings) if make else {}


def session_settings(
    provider: str, threads: int | None, denormal_as_zero: bool = False
) -> dict[str, Any]:
    """Return attributes of `onnxruntime.SessionOptions` and its entries for a provider.

    Args:
        provider: Full name.
        threads: Threads of the CPU for one operator, or None for ONNX Runtime's choice.
        denormal_as_zero: Whether the processor takes denormal numbers for zero.

    Returns:
        `attributes` and `entries`, by name.
    """
    entries = {"session.set_denormal_as_zero": "1"} if denormal_as_zero else {}
    attributes: dict[str, Any] = {}
    if threads is not None:
        attributes["intra_op_num_threads"] = threads
    if provider == DIRECTML:  # it supports neither memory patterns nor parallel execution
        attributes["enable_mem_pattern"] = False
    return {"attributes": attributes, "entries": entries}


def cache_folder(settings: DeviceSettings) -> Path:
    """Return where TensorRT keeps what it built for this model, these shapes and this machine."""
    root = settings.cache or user_cache() / "tensorrt"
    about = f"{settings.machine}|{settings.shapes}|{settings.precision}|{settings.cuda_graph}"
    key = hashlib.sha256(about.encode()).hexdigest()[:12]
    name = re.sub(r"[^A-Za-z0-9]+", "-", settings.machine).strip("-")[:40] or "gpu"
    return root / f"{settings.model_digest[:16] or 'model'}-{name}-{key}"


def _tensorrt(settings: DeviceSettings) -> dict[str, str]:
    folder = str(cache_folder(settings))
    options = {
        "device_id": str(settings.device),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": folder,
        "trt_context_memory_sharing_enable": "1",
    }
    if settings.precision == "fp16":
        options["trt_fp16_enable"] = "1"
    if settings.precision == "int8":
        options |= {"trt_int8_enable": "1", "trt_fp16_enable": "1"}
    if settings.cuda_graph:
        options["trt_cuda_graph_enable"] = "1"
    return options | _profile(settings.shapes)


def _profile(shapes: Shapes) -> dict[str, str]:
    """Return the range of shapes to build one engine for; without, each new shape builds again."""
    if shapes.frame_size is None:
        return {}
    height, width = shapes.frame_size
    least = shapes.max_batch if shapes.fixed_batch else 1
    return {
        f"trt_profile_{name}_shapes": f"frames:{batch}x{height}x{width}x3"
        for name, batch in (("min", least), ("opt", shapes.max_batch), ("max", shapes.max_batch))
    }


def _cuda(settings: DeviceSettings) -> dict[str, str]:
    fixed = settings.shapes.frame_size is not None
    options = {
        "device_id": str(settings.device),
        # Convolutions in TF32 would miss the parity bounds of fp32.
        "use_tf32": "0",
        # The exhaustive search pays where shapes stay; with each new shape it would run again.
        "cudnn_conv_algo_search": "EXHAUSTIVE" if fixed else "HEURISTIC",
    }
    if settings.cuda_graph:
        options["enable_cuda_graph"] = "1"
    return options


def _openvino(settings: DeviceSettings) -> dict[str, str]:
    # AUTO would start on the CPU and move to a GPU in the midst of a run, with other roundings.
    folder = cache_folder(settings).with_name("openvino")
    return {"device_type": "CPU", "cache_dir": str(folder)}


def _coreml(settings: DeviceSettings) -> dict[str, str]:  # noqa: ARG001  (of one form)
    return {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"}


def _directml(settings: DeviceSettings) -> dict[str, str]:
    return {"device_id": str(settings.device)}
