"""A detector's file as it is given: read whole, refused where it cannot be what is wanted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import TensorProto, helper

from drivemeta.errors import ModelFileError
from drivemeta.plugins.layout.signature import Signature, Tensor
from drivemeta.plugins.layout.way import Preparation
from drivemeta.runtime.manifest import MANIFEST_KEY
from drivemeta.runtime.model_file import external_tensors
from drivemeta.runtime.providers import ORT_ERRORS

OPSETS = range(11, 23)
NOT_BOXES = {
    "segment": "a segmentation model",
    "pose": "a model of poses",
    "classify": "a classifier",
    "obb": "a detector of rotated boxes",
}


@dataclass(frozen=True, eq=False)
class OwnFile:
    """A detector's file.

    Attributes:
        path: Path that it was read from.
        proto: Parsed model, whose inputs have no values in the file.
        digest: SHA-256 of the file's bytes.
    """

    path: Path
    proto: onnx.ModelProto
    digest: str

    @cached_property
    def signature(self) -> Signature:
        """What the file takes and gives."""
        graph = self.proto.graph
        return Signature(
            tuple(map(_tensor, graph.input)),
            tuple(map(_tensor, graph.output)),
            {entry.key: entry.value for entry in self.proto.metadata_props},
        )

    @cached_property
    def session(self) -> ort.InferenceSession:
        """The file in ONNX Runtime, on the CPU.

        Raises:
            ModelFileError: it cannot be run.
        """
        options = ort.SessionOptions()
        options.log_severity_level = 3
        try:
            return ort.InferenceSession(
                self.proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except ORT_ERRORS as error:
            raise ModelFileError(
                f"{self.path}: ONNX Runtime cannot run this file: {_line(error)}; export it again"
            ) from error

    def run(self, image: NDArray[np.float32], rule: Preparation) -> dict[str, NDArray[Any]]:
        """Return the outputs by name for one (1, 3, h, w) image; floats as float32.

        Raises:
            ModelFileError: it cannot be run on such an image.
        """
        try:
            found = self.session.run(None, self.feeds(image, rule))
        except ORT_ERRORS as error:
            raise ModelFileError(
                f"{self.path}: it cannot be run on an image of {rule.size[0]}x{rule.size[1]}: "
                f"{_line(error)}"
            ) from error
        names = [tensor.name for tensor in self.signature.outputs]
        return {
            name: array.astype(np.float32) if array.dtype.kind == "f" else array
            for name, array in zip(names, found, strict=True)
        }

    def feeds(self, image: NDArray[np.float32], rule: Preparation) -> dict[str, NDArray[Any]]:
        """Return the inputs by name for one (1, 3, h, w) image."""
        wanted = self.signature.image
        assert wanted is not None  # a layout has recognised it
        one = image if len(wanted.shape) == 4 else image[0]
        feeds: dict[str, NDArray[Any]] = {wanted.name: one.astype(wanted.dtype)}
        if rule.sizes:
            order = rule.size[::-1] if rule.sizes_order == "wh" else rule.size
            feeds[rule.sizes] = np.array([order], np.int64)
        return feeds


def read_own(path: str | Path) -> OwnFile:
    """Read a detector's file.

    Raises:
        ModelFileError: it is missing, no whole ONNX file, not one file, of an opset that is not
            known, with operators that are not standard, or it is one of DriveMeta's own.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"expected a detector (.onnx), cannot read {path}: {error}") from error
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise ModelFileError(
            f"expected a detector (.onnx), found {len(data)} bytes that are no whole ONNX file in "
            f"{path}: it is truncated or damaged"
        ) from error
    _check(path, proto)
    valued = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in valued]
    del proto.graph.input[:]
    proto.graph.input.extend(inputs)
    return OwnFile(path, proto, hashlib.sha256(data).hexdigest())


def _check(path: Path, proto: onnx.ModelProto) -> None:
    if not proto.graph.node:
        raise ModelFileError(f"expected a detector (.onnx), found a file without a graph in {path}")
    if any(entry.key == MANIFEST_KEY for entry in proto.metadata_props):
        raise ModelFileError(
            f"{path} is a model of DriveMeta already; use it as it is, or give the detector that "
            "it was made from"
        )
    outside = next(external_tensors(proto.graph), None)
    if outside is not None:
        raise ModelFileError(
            f"expected all weights inside {path}, found tensor {outside!r} in another file; export "
            "the detector as one file"
        )
    domains = sorted({n.domain for n in proto.graph.node} - {"", "ai.onnx"})
    if domains:
        raise ModelFileError(
            f"expected standard ONNX operators only in {path}, found those of {domains[0]}; export "
            "it without them (of mmdeploy: for the backend onnxruntime without custom operators)"
        )
    opset = next((o.version for o in proto.opset_import if o.domain in {"", "ai.onnx"}), 0)
    if opset not in OPSETS:
        raise ModelFileError(
            f"expected opset {OPSETS.start} to {OPSETS.stop - 1} in {path}, found {opset}; export "
            "it with one of these"
        )


def what_it_is(file: Signature) -> str:
    """Return what a file that no layout knows seems to be, with its inputs and outputs."""
    takes = ", ".join(map(str, file.inputs)) or "nothing"
    gives = ", ".join(map(str, file.outputs))
    return f"{_guess(file)}: it takes {takes} and gives {gives}"


def _guess(file: Signature) -> str:
    task = NOT_BOXES.get(file.metadata.get("task", ""))
    if task:
        return f"{task}, as its metadata says"
    if file.image is None:
        return "no model of images"
    shapes = [tensor.shape for tensor in file.outputs]
    if len(shapes) == 1 and len(shapes[0]) == 2:
        return "perhaps a classifier"
    if len(shapes) == 1 and len(shapes[0]) == 4 and (shapes[0][2] or 0) >= 64:
        return "perhaps a segmentation model"
    return "perhaps a detector of another layout"


def _tensor(value: onnx.ValueInfoProto) -> Tensor:
    kind = value.type.tensor_type
    known = kind.elem_type != TensorProto.UNDEFINED
    dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type).name if known else "unknown"
    return Tensor(value.name, dtype, tuple(d.dim_value or None for d in kind.shape.dim))


def _line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
