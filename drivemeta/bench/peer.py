"""Any other ONNX detector, fed the same frames, for a side-by-side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.bench.measure import PEER, Contender, Setting
from drivemeta.core import Letterbox
from drivemeta.core.letterbox import GREY
from drivemeta.errors import InputError, ModelFileError
from drivemeta.runtime.providers import SessionOptions, create_session

Image = NDArray[np.uint8]
DEFAULT_SIDE = 640
_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
_SIZES: dict[str, Any] = {"tensor(int64)": np.int64, "tensor(float)": np.float32}


@dataclass(frozen=True)
class PeerInput:
    """How a peer takes its images.

    Attributes:
        name: Name of the input.
        dtype: Type of its values; uint8 is taken as 0..255, floats as 0..1.
        channels_first: (N, 3, H, W) rather than (N, H, W, 3).
        size: Height and width.
        batch: Only batch taken, or None for any.
        others: Further inputs of two numbers an image, by their dtypes: its size, as detectors
            that scale their boxes want it, or ones if it is called a scale.
    """

    name: str
    dtype: Any
    channels_first: bool
    size: tuple[int, int]
    batch: int | None
    others: dict[str, Any]


def peer_contenders(
    setting: Setting, frames: Sequence[Image], size: tuple[int, int] | None
) -> list[Contender]:
    """Return a peer's session alone, and with letterbox and scaling before it.

    What it does after the network (suppression, if that is not in its graph) is not timed.

    Args:
        setting: Model, provider, batch and threads.
        frames: (height, width, 3) uint8 BGR.
        size: Height and width of its input where the file leaves them open; None for 640 x 640.

    Raises:
        InputError: its inputs cannot be understood, or it does not take the batch.
        ModelFileError: the file cannot be read or is refused by ONNX Runtime.
        ProviderError: the provider does not run.
    """
    try:
        data = setting.model.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read the peer {setting.model}: {error.strerror}") from error
    options = SessionOptions(setting.provider, threads=setting.threads)
    session, provider = create_session(data, options)
    rule = read_input(session.get_inputs(), setting.model, size)
    if rule.batch not in (None, setting.batch):
        raise InputError(
            f"{setting.model} takes batches of {rule.batch} only, {setting.batch} were requested"
        )
    chosen = list(frames[: setting.batch])
    feeds = feeds_of(rule, chosen)
    calls: dict[str, Callable[[], object]] = {
        f"{PEER}: session": lambda: session.run(None, feeds),
        f"{PEER}: letterbox and session": lambda: session.run(None, feeds_of(rule, chosen)),
    }
    text = f"{rule.size[0]}x{rule.size[1]}"
    return [
        Contender(what, setting, provider, np.dtype(rule.dtype).name, text, call)
        for what, call in calls.items()
    ]


def read_input(inputs: Sequence[Any], path: Path, size: tuple[int, int] | None) -> PeerInput:
    """Return how a model takes images, from its inputs' names, types and shapes.

    Raises:
        InputError: no input, or more than one, looks like images, or another is not understood.
    """
    images = [i for i in inputs if _layout(i) is not None]
    described = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
    if len(images) != 1:
        raise InputError(
            f"expected one input of images (N, 3, H, W) or (N, H, W, 3) in {path}, found "
            f"{described}"
        )
    image = images[0]
    others: dict[str, Any] = {}
    for other in inputs:
        if other is image:
            continue
        if other.type not in _SIZES or len(other.shape) != 2 or other.shape[1] != 2:
            raise InputError(
                f"cannot tell what to feed to input {other.name!r} of {path}; found {described}"
            )
        others[other.name] = _SIZES[other.type]
    first = bool(_layout(image))
    sides = image.shape[2:] if first else image.shape[1:3]
    wanted = size or (DEFAULT_SIDE, DEFAULT_SIDE)
    height, width = (
        side if isinstance(side, int) else want for side, want in zip(sides, wanted, strict=True)
    )
    batch = image.shape[0] if isinstance(image.shape[0], int) else None
    return PeerInput(image.name, _DTYPES[image.type], first, (height, width), batch, others)


def feeds_of(rule: PeerInput, frames: Sequence[Image]) -> dict[str, NDArray[Any]]:
    """Return a peer's inputs for frames: letterboxed, RGB, scaled as its type says."""
    images = np.stack([_fitted(frame, rule.size) for frame in frames])[..., ::-1]
    if rule.channels_first:
        images = images.transpose(0, 3, 1, 2)
    if rule.dtype is not np.uint8:
        images = (images.astype(np.float32) / 255).astype(rule.dtype)
    feeds: dict[str, NDArray[Any]] = {rule.name: np.ascontiguousarray(images)}
    for name, dtype in rule.others.items():
        values = (1, 1) if "scale" in name else rule.size
        feeds[name] = np.tile(np.array(values, dtype), (len(frames), 1))
    return feeds


def _fitted(frame: Image, size: tuple[int, int]) -> Image:
    fit = Letterbox.fit((frame.shape[0], frame.shape[1]), size)
    image = np.full((*size, 3), GREY, np.uint8)
    image[: fit.height, : fit.width] = cv2.resize(frame, (fit.width, fit.height))
    return image


def _layout(found: Any) -> bool | None:
    """Return whether channels come first, or None if it takes no images."""
    if len(found.shape) != 4 or found.type not in _DTYPES:
        return None
    if found.shape[1] == 3:
        return True
    return False if found.shape[3] == 3 else None
