"""The exported detector on ONNX Runtime: raw frames in, `Detections` in their own pixels out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.banks.arrays import bank_arrays
from drivemeta.core import ClassBank, ClassSpec, Detections
from drivemeta.core.things import seen_otherwise
from drivemeta.errors import InputError, ModelFileError
from drivemeta.runtime.manifest import ClassEntry, Manifest
from drivemeta.runtime.model_file import ModelFile, read_model_file
from drivemeta.runtime.provider_options import DeviceSettings, Shapes
from drivemeta.runtime.providers import AUTO, Provider, SessionOptions
from drivemeta.runtime.session import NOTHING, Held, Session

Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _Known:
    """The classes of a moment and their rows: replaced as one value, so that no call sees two."""

    classes: tuple[str, ...]
    families: Mapping[str, str]
    held: Held


class OnnxDetector:
    """An exported model, ready to run.

    Threads may call it at once, and set another bank meanwhile: a call sees one bank from its
    first frame to its last, in the rows as in the names.

    Args:
        path: Model exported by DriveMeta, or its file as it was read.
        provider: `tensorrt`, `cuda`, `coreml`, `directml`, `openvino`, `cpu`, or `auto` for the
            first of these that runs.
        allow_fallback: Whether to run on a later provider if the one requested does not.
        threads: Threads of the CPU for one operator, or None for ONNX Runtime's choice.
        max_batch: Most frames in one call that TensorRT builds its engine for.
        cuda_graph: Whether to replay captured launches on a GPU: for a model with a baked bank and
            one frame size.
        denormal_as_zero: Whether the CPU takes denormal numbers for zero, in this thread for good.

    Attributes:
        provider: Short name of the provider that really runs.
        manifest: Manifest of the file.

    Raises:
        InputError: CUDA graphs are requested and the model is not fit for them.
        ModelFileError: the file is damaged or was not written by DriveMeta.
        ProviderError: the provider does not run and no fall-back is allowed.
    """

    def __init__(  # noqa: PLR0913  (how a session runs)
        self,
        path: str | Path | ModelFile,
        *,
        provider: str = AUTO,
        allow_fallback: bool = False,
        threads: int | None = None,
        max_batch: int = 1,
        cuda_graph: bool = False,
        denormal_as_zero: bool = False,
    ) -> None:
        self._settings = {
            "provider": provider,
            "allow_fallback": allow_fallback,
            "threads": threads,
            "max_batch": max_batch,
            "cuda_graph": cuda_graph,
            "denormal_as_zero": denormal_as_zero,
        }
        self._bank: ClassBank | None = None
        file = path if isinstance(path, ModelFile) else read_model_file(path)
        self._path = file.path
        device = _device_settings(file.manifest, max_batch, cuda_graph)
        self.manifest: Manifest = file.manifest
        options = SessionOptions(
            provider, allow_fallback, threads, device=device, denormal_as_zero=denormal_as_zero
        )
        self._session = Session(file.data, options)
        held = NOTHING
        if cuda_graph:  # its inputs are always bound, so its own thresholds are too
            own = [entry.threshold for entry in file.manifest.classes]
            held = self._session.place({"thresholds": np.array(own, np.float32)})
        self._known = _Known(file.manifest.names, _families(file.manifest.classes), held)
        self.provider: Provider = self._session.provider

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in the order of the labels."""
        return self._known.classes

    @property
    def families(self) -> Mapping[str, str]:
        """The super-class of each class by name; itself for a super-class."""
        return self._known.families

    def __call__(self, frames: Sequence[Image], min_score: float | None = None) -> list[Detections]:
        """Detect objects.

        Args:
            frames: Frames, each (height, width, 3) uint8 BGR; those of one size run as one batch.
            min_score: Threshold in place of every class's own, for evaluation.

        Returns:
            For each frame its detections, best score first, boxes in pixels of that frame.

        Raises:
            InputError: a frame is no uint8 BGR image, or the model takes another size only.
        ModelFileError: the model finds what cannot be: labels beyond its classes, no numbers.
        ProviderError: the provider fails, for want of memory for instance.
        """
        known = self._known  # read once: `set_bank` may replace it meanwhile
        feeds: dict[str, NDArray[Any]] = {}
        if min_score is not None:
            feeds["thresholds"] = np.full(self.manifest.n_thresholds, min_score, np.float32)
        groups: dict[tuple[int, ...], list[int]] = {}
        for i, frame in enumerate(frames):
            self._check(frame, i)
            groups.setdefault(frame.shape, []).append(i)
        found: dict[int, Detections] = {}
        for members in groups.values():
            chosen = [frames[i] for i in members]
            batch = np.stack(chosen) if len(chosen) > 1 else chosen[0][None]
            outputs = self._session.run(batch, feeds, known.held)
            for row, i in enumerate(members):
                found[i] = self._detections(known.classes, *(output[row] for output in outputs))
        return [found[i] for i in range(len(frames))]

    def set_bank(self, bank: ClassBank) -> None:
        """Detect the classes of another bank in every later call, without a new export.

        Raises:
            InputError: the bank was baked into the model, or the bank given does not fit it.
        """
        rule = self.manifest.bank
        if rule.mode != "fed":
            raise InputError(
                "this model's classes are baked into it and cannot be replaced while it runs; "
                "export it with `--bank fed`"
            )
        found = (bank.dense.weights.shape[1], bank.crop.weights.shape[1])
        if found != (rule.dense_dim, rule.crop_dim):
            raise InputError(
                f"the model takes bank rows of {rule.dense_dim} (dense) and {rule.crop_dim} "
                f"(crop) columns, the bank has {found[0]} and {found[1]}: it was learnt with "
                "another base"
            )
        arrays = bank_arrays(bank, rule.capacity)
        self._check_order(bank)
        held = self._session.place(arrays)
        self._known, self._bank = _Known(bank.names, _families(bank.classes), held), bank

    def _check_order(self, bank: ClassBank) -> None:
        """Refuse a bank whose signs would be embedded as things, or the other way round."""
        scoring, own = self.manifest.constants, self.manifest.names
        wrong = seen_otherwise(bank, own, self.manifest.bank.capacity, scoring)
        if wrong is not None:
            there = own[wrong] if wrong < len(own) else "a new kind of thing"
            raise InputError(
                f"expected a bank whose super-classes come in the model's order, found "
                f"{bank.names[wrong]!r} at label {wrong}, where the model has {there!r}: it "
                "embeds signs and lights apart from things, by their labels; put the classes of "
                "the model first, in its order"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process by its path: the file is read again there, its bank goes along.

        The other process uses the same provider as was asked for here, or its own choice of `auto`.
        """
        return _opened_again, (self._path.absolute(), self._settings, self._bank)

    def warm_up(self, frame_size: tuple[int, int] | None = None, batch: int = 1) -> float:
        """Run once on black frames and return the seconds: engines are built, kernels chosen.

        Args:
            frame_size: Height and width of the frames to come; None for the model's own, else 720p.
            batch: Frames in a call.
        """
        size = frame_size or self.manifest.input.frame_size or (720, 1280)
        start = time.perf_counter()
        self([np.zeros((*size, 3), np.uint8)] * batch)
        return time.perf_counter() - start

    def _detections(
        self,
        classes: tuple[str, ...],
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        labels: NDArray[np.int64],
        count: NDArray[np.int64],
    ) -> Detections:
        n = int(count)
        try:
            if not 0 <= n <= len(scores):
                raise ValueError(f"expected a count of 0 to {len(scores)} rows, found {n}")
            return Detections(boxes[:n].copy(), scores[:n].copy(), labels[:n].copy(), classes)
        except ValueError as error:
            raise ModelFileError(
                f"{self._path} finds what cannot be on provider {self.provider!r}: {error}; verify "
                "it with `drivemeta verify`, or export it again"
            ) from error

    def _check(self, frame: Image, index: int) -> None:
        fits = frame.ndim == 3 and frame.shape[2] == 3 and frame.dtype == np.uint8
        if not fits or 0 in frame.shape:
            raise InputError(
                f"frame {index}: expected (height, width, 3) uint8 BGR, "
                f"found {frame.shape} {frame.dtype}"
            )
        size = self.manifest.input.frame_size
        if size is not None and frame.shape[:2] != tuple(size):
            raise InputError(
                f"frame {index}: this model was exported for frames of {size[0]}x{size[1]} only, "
                f"found {frame.shape[0]}x{frame.shape[1]}; export it without --frame-size"
            )


def _opened_again(path: Path, settings: Mapping[str, Any], bank: ClassBank | None) -> OnnxDetector:
    detector = OnnxDetector(path, **settings)
    if bank is not None:
        detector.set_bank(bank)
    return detector


def _families(classes: Iterable[ClassEntry | ClassSpec]) -> dict[str, str]:
    return {known.name: known.parent or known.name for known in classes}


def _device_settings(manifest: Manifest, max_batch: int, cuda_graph: bool) -> DeviceSettings:
    size = manifest.input.frame_size
    if cuda_graph and (size is None or manifest.bank.mode != "baked"):
        raise InputError(
            "CUDA graphs want a model for one frame size whose bank is baked into it: `drivemeta "
            "export MODEL --frame-size 720x1280 --bank baked`"
        )
    shapes = Shapes(size, max_batch, fixed_batch=cuda_graph)
    return DeviceSettings(shapes, precision=manifest.precision, cuda_graph=cuda_graph)
