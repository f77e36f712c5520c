"""Reading an exported model's file: whole, ours, self-contained, and unaltered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from pydantic import ValidationError

from drivemeta.core import ClassBank
from drivemeta.errors import ModelFileError
from drivemeta.runtime.bank_file import read_bank
from drivemeta.runtime.manifest import MANIFEST_KEY, PROBE_KEY, SCHEMA_VERSION, Manifest
from drivemeta.runtime.probe import Probe
from drivemeta.runtime.sizes import check_sizes
from drivemeta.runtime.structure import check_structure, graphs_within

WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt")


@dataclass(frozen=True, eq=False)
class ModelFile:
    """An exported model as read from its file.

    Attributes:
        path: Path that it was read from.
        data: Bytes of the file.
        proto: Parsed model.
        manifest: Manifest of the model.
    """

    path: Path
    data: bytes
    proto: onnx.ModelProto
    manifest: Manifest

    @property
    def properties(self) -> dict[str, str]:
        """The model's metadata."""
        return {entry.key: entry.value for entry in self.proto.metadata_props}

    def probe(self) -> Probe:
        """Return the picture and rows by which the file is verified.

        Raises:
            ModelFileError: there is none, or it is damaged.
        """
        text = self.properties.get(PROBE_KEY)
        if text is None:
            raise ModelFileError(f"{self.path} has no probe to be verified by; export it again")
        try:
            return Probe.model_validate_json(text)
        except ValidationError as error:
            raise ModelFileError(f"the probe in {self.path} is damaged; export it again") from error


def read_model_file(path: str | Path) -> ModelFile:
    """Read an exported model and check that it is whole and ours.

    Raises:
        ModelFileError: the file is missing, truncated, not ONNX, not written by DriveMeta, refers
            to data outside itself or to operators that are not standard, its inputs, outputs or
            bank do not fit its manifest, its graph has loops or takes absurdly much memory, or is
            not the one that it describes.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"expected an ONNX model exported by DriveMeta, cannot read {path}: {error.strerror}"
        ) from error
    if path.suffix.lower() in WEIGHTS:
        raise ModelFileError(
            f"expected an ONNX model exported by DriveMeta, found weights at {path}; make a model "
            f"of weights of DriveMeta by `drivemeta export {path} --out {path.stem}.onnx`"
        )
    proto = _parse(path, data)
    manifest = _read_manifest(path, proto)
    if manifest.digests.graph != graph_digest(proto.graph):
        raise ModelFileError(
            f"the graph in {path} is not the one that its manifest describes: the file was changed "
            "after its export or is damaged; export it again"
        )
    check_structure(path, proto, manifest)
    check_sizes(path, proto, manifest)
    read_bank(path, proto.graph, manifest)  # a label beyond the classes would be met while running
    return ModelFile(path, data, proto, manifest)


def graph_digest(graph: onnx.GraphProto) -> str:
    """Return the SHA-256 of a graph, weights included, as hexadecimal digits."""
    return hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest()


def external_tensors(graph: onnx.GraphProto) -> Iterator[str]:
    """Yield the names of tensors whose data lies outside the file, subgraphs included."""
    for inner in graphs_within(graph):
        sparse = [part for t in inner.sparse_initializer for part in (t.values, t.indices)]
        attributes = [attribute for node in inner.node for attribute in node.attribute]
        constants = [tensor for each in attributes for tensor in (each.t, *each.tensors)]
        for tensor in (*inner.initializer, *sparse, *constants):
            if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
                yield tensor.name


def _parse(path: Path, data: bytes) -> onnx.ModelProto:
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise ModelFileError(
            f"expected an ONNX model exported by DriveMeta, found {len(data)} bytes that are no "
            f"whole ONNX file in {path}: it is truncated or damaged"
        ) from error
    if not proto.graph.node:
        raise ModelFileError(
            f"expected an ONNX model exported by DriveMeta, found one without a graph in {path}"
        )
    outside = next(external_tensors(proto.graph), None)
    if outside is not None:
        raise ModelFileError(
            f"expected all weights inside {path}, found tensor {outside!r} in an external file; "
            "models of DriveMeta are one file, export it again"
        )
    return proto


def _read_manifest(path: Path, proto: onnx.ModelProto) -> Manifest:
    text = next((p.value for p in proto.metadata_props if p.key == MANIFEST_KEY), None)
    if text is None:
        raise ModelFileError(
            f"expected a model exported by DriveMeta, found an ONNX model without its manifest in "
            f"{path}; use `drivemeta export` to make one"
        )
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelFileError(
            f"expected a manifest of schema version {SCHEMA_VERSION} in {path}, found a mistake at "
            f"{where or 'its top'}: {first['msg']}; export the model again with this version"
        ) from error


def bank_of(file: ModelFile) -> ClassBank:
    """Return the classes and rows in use of a model, padding left out.

    Raises:
        ModelFileError: rows are missing, or do not fit the manifest's classes.
    """
    return read_bank(file.path, file.proto.graph, file.manifest)
