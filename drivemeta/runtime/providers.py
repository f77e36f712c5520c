"""Execution providers: what was requested, what really runs, and no silent fall-back.

ONNX Runtime lists providers that it was built with, loads them when a session is made, and goes on
without those that fail. Here the session's own list decides.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as pybind

from drivemeta.errors import InputError, ModelFileError, ProviderError, suggest
from drivemeta.runtime import provider_options as o
from drivemeta.runtime.gpus import nvidia_gpus

Provider = Literal["tensorrt", "cuda", "coreml", "directml", "openvino", "cpu"]
PROVIDERS: dict[Provider, str] = {
    "tensorrt": o.TENSORRT,
    "cuda": o.CUDA,
    "coreml": o.COREML,
    "directml": o.DIRECTML,
    "openvino": o.OPENVINO,
    "cpu": o.CPU,
}
AUTO = "auto"
_NAMES = {value: key for key, value in PROVIDERS.items()}
# what runs the operators that a provider does not take
_BEHIND: dict[Provider, list[Provider]] = {"tensorrt": ["cuda"]}
ORT_ERRORS = (
    RuntimeError,
    ValueError,
    pybind.EPFail,
    pybind.Fail,
    pybind.InvalidArgument,
    pybind.InvalidGraph,
    pybind.InvalidProtobuf,
    pybind.NotImplemented,
    pybind.RuntimeException,
)
_FATAL = 4
_WARNING = 2


@dataclass(frozen=True)
class SessionOptions:
    """How a session runs.

    Attributes:
        provider: `auto`, or a short name: `tensorrt`, `cuda`, `coreml`, `directml`, `openvino`,
            `cpu`.
        allow_fallback: Whether to run on a later provider if the one requested does not; `auto`
            always may.
        threads: Threads of the CPU for one operator, or None for ONNX Runtime's choice.
        profile: Prefix of a profile's file, or None for no profile.
        device: Frames to come, and how the device is used.
        denormal_as_zero: Whether the CPU takes denormals for zero. ONNX Runtime sets this for the
            thread that makes the session as well, and leaves it so: for processes of its own only.
    """

    provider: str = AUTO
    allow_fallback: bool = False
    threads: int | None = None
    profile: str | None = None
    device: o.DeviceSettings = field(default_factory=o.DeviceSettings)
    denormal_as_zero: bool = False


def create_session(model: bytes, options: SessionOptions) -> tuple[ort.InferenceSession, Provider]:
    """Make a session and say which provider really runs it.

    Args:
        model: Serialised ONNX model.
        options: Options of the session.

    Returns:
        The session, and the short name of the provider that it uses.

    Raises:
        InputError: the provider's name is unknown.
        ModelFileError: ONNX Runtime does not take the model.
        ProviderError: the provider requested does not run and no fall-back is allowed.
    """
    wanted = requested_providers(options.provider)
    with _quiet_loading():
        if wanted != ["cpu"] and hasattr(ort, "preload_dlls"):
            _preload()
        session = _first_that_runs(model, wanted, options)
    running = _NAMES[session.get_providers()[0]]  # one of those that it was given
    if running != wanted[0] and options.provider != AUTO and not options.allow_fallback:
        built_in = ", ".join(_NAMES.get(name, name) for name in ort.get_available_providers())
        raise ProviderError(
            f"provider {wanted[0]!r} was requested, but {running!r} is what runs here (built in: "
            f"{built_in}); install its libraries (extra `gpu`), or let `auto` choose what runs"
        )
    return session, running


def requested_providers(provider: str) -> list[Provider]:
    """Return the short names to try, best first.

    >>> requested_providers("cuda"), requested_providers("tensorrt")
    (['cuda', 'cpu'], ['tensorrt', 'cuda', 'cpu'])
    """
    if provider == AUTO:
        return list(PROVIDERS)
    for name, full in PROVIDERS.items():
        if provider == full or provider.lower() == name:
            return list(dict.fromkeys([name, *_BEHIND.get(name, []), "cpu"]))
    raise InputError(
        f"unknown execution provider {provider!r}; {suggest(provider, [AUTO, *PROVIDERS])}"
    )


def _first_that_runs(
    model: bytes, wanted: Sequence[Provider], options: SessionOptions
) -> ort.InferenceSession:
    """Return a session of the first provider that loads; ONNX Runtime may skip some by itself."""
    built_in = set(ort.get_available_providers())
    names = [PROVIDERS[name] for name in wanted if PROVIDERS[name] in built_in]
    device = _of_machine(model, options.device) if names[:1] != [o.CPU] else options.device
    for i in range(len(names)):
        providers = [(name, o.options_for(name, device)) for name in names[i:]]
        if names[i] == o.TENSORRT:
            _make_cache(o.cache_folder(device))
        running: list[str] = []
        try:
            session = ort.InferenceSession(
                model, _ort_options(options, names[i]), providers=providers, enable_fallback=0
            )
            running = session.get_providers()
            return session
        except ORT_ERRORS as error:
            if i == len(names) - 1:
                raise ModelFileError(f"ONNX Runtime does not take the model: {error}") from error
        finally:
            if names[i] == o.TENSORRT and o.TENSORRT not in running:
                _drop_empty(o.cache_folder(device))
    raise ProviderError("this build of ONNX Runtime has no execution provider that can be used")


def _of_machine(model: bytes, device: o.DeviceSettings) -> o.DeviceSettings:
    """Return the settings with what an engine is built for: this model, GPU, driver, version."""
    gpus = nvidia_gpus()
    gpu = gpus[device.device] if device.device < len(gpus) else None
    machine = f"{gpu.name} {gpu.driver}" if gpu else "no NVIDIA GPU"
    return replace(
        device,
        model_digest=hashlib.sha256(model).hexdigest(),
        machine=f"{machine} ort {ort.__version__}",
    )


def _make_cache(folder: Path) -> None:
    """Make TensorRT's folder; one that cannot be made only costs it the cache."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)


def _drop_empty(folder: Path) -> None:
    """Take the folder of a TensorRT that does not run here away again."""
    with contextlib.suppress(OSError):  # one that holds something, or was never made
        folder.rmdir()
        folder.parent.rmdir()


def _ort_options(options: SessionOptions, provider: str) -> ort.SessionOptions:
    settings = ort.SessionOptions()
    settings.log_severity_level = _FATAL
    wanted = o.session_settings(provider, options.threads, options.denormal_as_zero)
    for name, value in wanted["attributes"].items():
        setattr(settings, name, value)
    for name, value in wanted["entries"].items():
        settings.add_session_config_entry(name, value)
    if options.profile is not None:
        settings.enable_profiling = True
        settings.profile_file_prefix = options.profile
    return settings


def _preload() -> None:
    """Load CUDA and cuDNN from the packages of the extra `gpu`, if they are installed."""
    with contextlib.redirect_stdout(None):  # it prints what it does not find
        ort.preload_dlls()


@contextlib.contextmanager
def _quiet_loading() -> Iterator[None]:
    """Silence ONNX Runtime while it tries providers; what runs is reported instead."""
    ort.set_default_logger_severity(_FATAL)
    try:
        yield
    finally:
        ort.set_default_logger_severity(_WARNING)
