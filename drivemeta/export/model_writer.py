"""The last step of every model file: what it says of itself goes into it, then it is written."""

from __future__ import annotations

from pathlib import Path

import onnx

from drivemeta.files import write_bytes
from drivemeta.runtime.manifest import MANIFEST_KEY, PROBE_KEY, Manifest
from drivemeta.runtime.model_file import graph_digest
from drivemeta.runtime.probe import Probe


def signed(manifest: Manifest, model: onnx.ModelProto) -> Manifest:
    """Return the manifest with the digest of a model's graph."""
    digests = manifest.digests.model_copy(update={"graph": graph_digest(model.graph)})
    return manifest.model_copy(update={"digests": digests})


def write_model(model: onnx.ModelProto, manifest: Manifest, probe: Probe, path: Path) -> bytes:
    """Write a model with its manifest and probe; return its bytes.

    Args:
        model: Graph of the model; its metadata is set.
        manifest: Description of the model, with the digest of its graph.
        probe: Frame and rows that the model is verified by.
        path: File to write; it appears whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    properties = {MANIFEST_KEY: manifest.model_dump_json(), PROBE_KEY: probe.model_dump_json()}
    onnx.helper.set_model_props(model, properties)
    data: bytes = model.SerializeToString()
    write_bytes(path, data)
    return data
