"""The shipped base as the parts of a model, without torch: its networks were traced before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from safetensors.numpy import save as serialize

from drivemeta.banks.arrays_file import read_arrays
from drivemeta.banks.capacity import capacity_for
from drivemeta.banks.named import NamedBank, with_named
from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.core.scoring import Scoring
from drivemeta.errors import ModelFileError
from drivemeta.export.graph.assemble import Networks
from drivemeta.export.parts import Parts
from drivemeta.export.precision.shipped_ranges import level1_key
from drivemeta.export.probe_scene import draw_scene
from drivemeta.export.traced_weights import with_weights, without_weights
from drivemeta.files import write_bytes
from drivemeta.models.traced.opset import OPSET
from drivemeta.paths import BASE_WEIGHTS, THING_WEIGHTS, TRACED_NETWORKS
from drivemeta.runtime import manifest as m
from drivemeta.runtime.model_file import ModelFile
from drivemeta.runtime.probe import Probe, RowArrays

HEADER = "drivemeta_networks"
FACTS = ("weights", "made_from", "scoring", "input_size", "n_locations")


def shipped_parts(named: Sequence[NamedBank] = ()) -> Parts | None:
    """Return the shipped base; None where its weights are others than those that were traced.

    Args:
        named: Banks whose classes it names below its own.

    Raises:
        ModelFileError: a file of the installation is missing or damaged.
    """
    traced = _Traced()
    if not traced.fits:
        return None
    facts, size = traced.facts, tuple(traced.facts["input_size"])
    bank = reduce(with_named, named, _bank(*traced.base))
    level1 = level1_key(*size)
    networks = Networks(
        traced.graph(level1),
        traced.graph("level2"),
        facts["n_locations"][level1],
        traced.graph("things"),
    )
    none = np.zeros(0, np.float32)
    nothing = RowArrays(none.reshape(0, 4), none, np.zeros(0, np.int64))
    probe = Probe.make(draw_scene(), 0.0, nothing)
    return Parts(networks, bank, Scoring(**facts["scoring"]), _manifest(bank, facts), probe)


def resized_parts(file: ModelFile, input_size: tuple[int, int]) -> Parts | None:
    """Return a model for another input size; None where its networks do not ship traced for it.

    Args:
        file: Model in float32, adapted from the shipped base by rows, or the base itself.
        input_size: Height and width of level 1's input.

    Raises:
        ModelFileError: the model, or a file of the installation, is damaged.
    """
    traced, level1 = _Traced(), level1_key(*input_size)
    n_locations = traced.facts["n_locations"].get(level1)
    same = traced.fits and file.manifest.digests.weights == traced.facts["weights"]
    if not same or n_locations is None or file.manifest.own is not None:
        return None
    parts = Parts.of(file)
    height, width = input_size
    size = parts.manifest.input.model_copy(update={"height": height, "width": width})
    return replace(
        parts,
        networks=replace(parts.networks, level1=traced.graph(level1), n_locations=n_locations),
        manifest=parts.manifest.model_copy(update={"input": size}),
    )


def keep_networks(
    graphs: Mapping[str, onnx.GraphProto], facts: Mapping[str, Any], path: Path = TRACED_NETWORKS
) -> None:
    """Write the traced networks of the base that ships, without its weights.

    Args:
        graphs: Graphs by name: `level2`, `things`, and `level1_key` for each input size.
        facts: Digest of the networks, `weights`; `scoring`, `input_size`, and `n_locations` of each
            level 1.
        path: File to write.

    Raises:
        OutputError: the file cannot be written.
    """
    base = _base()[1]
    kept = {}
    for name, graph in graphs.items():
        data = without_weights(graph, _weights(name, base)).SerializeToString()
        kept[name] = np.frombuffer(data, np.uint8)
    said = json.dumps({**facts, "made_from": _made_from()})
    write_bytes(path, serialize(kept, metadata={HEADER: said}))


def _made_from() -> str:
    digest = hashlib.sha256()
    for path in (BASE_WEIGHTS, THING_WEIGHTS):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class _Traced:
    """The networks that ship traced.

    Attributes:
        facts: What is known of them.
    """

    def __init__(self) -> None:
        self.facts, self._kept = read_arrays(
            TRACED_NETWORKS, HEADER, "traced networks", FACTS, ["level2", "things"]
        )

    @property
    def fits(self) -> bool:
        """Whether the weights that ship are those that were traced."""
        return bool(self.facts["made_from"] == _made_from())

    @cached_property
    def base(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What the file of the base says, and its arrays."""
        return _base()

    def graph(self, name: str) -> onnx.GraphProto:
        """Return a network with its weights."""
        try:
            graph = onnx.GraphProto.FromString(self._kept[name].tobytes())
            return with_weights(graph, _weights(name, self.base[1]))
        except (DecodeError, ValueError) as error:
            raise ModelFileError(
                f"expected the networks of the shipped weights in {TRACED_NETWORKS}: {error}; "
                "install drivemeta again"
            ) from error


def _base() -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    return read_arrays(BASE_WEIGHTS, "drivemeta", "weights", ["classes"])


def _weights(network: str, base: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the weights of a network by their names in it, of the base's arrays or of things."""
    if network == "things":
        return read_arrays(THING_WEIGHTS, None, "weights of things")[1]
    prefix = f"{network.split()[0]}."
    own = (item for item in base.items() if item[0].startswith(prefix))
    return {key.removeprefix(prefix): array for key, array in own}


def _bank(said: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ClassBank:
    levels = (
        BankRows(
            *(arrays[f"bank.{level}.{key}"] for key in ("weights", "biases", "owners", "roots"))
        )
        for level in ("dense", "crop")
    )
    return ClassBank(tuple(ClassSpec(**spec) for spec in said["classes"]), *levels)


def _manifest(bank: ClassBank, facts: Mapping[str, Any]) -> m.Manifest:
    height, width = facts["input_size"]
    return m.Manifest(
        classes=m.class_entries(bank),
        input=m.InputRule(height=height, width=width),
        bank=m.BankRule(
            mode="fed",
            capacity=capacity_for(bank),
            dense_dim=bank.dense.weights.shape[1],
            crop_dim=bank.crop.weights.shape[1],
        ),
        scoring=facts["scoring"],
        opset=OPSET,
        digests=m.Digests(weights=facts["weights"]),
        versions={name: m.package_version(name) for name in ("drivemeta", "onnx")},
    )
