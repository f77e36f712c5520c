"""What a model may be made of: standard operators, the inputs and outputs that its manifest says.

A file is refused with the reason before ONNX Runtime sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import TensorProto

from drivemeta.errors import ModelFileError
from drivemeta.runtime.manifest import Manifest

OPSETS = range(17, 24)
N_ROWS = 300
_STANDARD = ("", "ai.onnx")
_FLOAT, _INT64, _UINT8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8
_OUTPUTS = {
    "boxes": (_FLOAT, (None, N_ROWS, 4)),
    "scores": (_FLOAT, (None, N_ROWS)),
    "labels": (_INT64, (None, N_ROWS)),
    "count": (_INT64, (None,)),
}
Signature = dict[str, tuple[int, tuple[int | None, ...]]]


def check_structure(path: Path, proto: onnx.ModelProto, manifest: Manifest) -> None:
    """Refuse a model of other operators, inputs or outputs than its manifest promises.

    Raises:
        ModelFileError: with what was expected and what was found.
    """
    _check_operators(path, proto, manifest)
    expected = expected_inputs(manifest)
    _check_values(path, "input", proto.graph.input, expected)
    _check_values(path, "output", proto.graph.output, _OUTPUTS)
    optional = {name: kind for name, kind in expected.items() if name != "frames"}
    _check_initialisers(path, proto.graph, optional)


def expected_inputs(manifest: Manifest) -> Signature:
    """Return types and shapes of a model's inputs, None for an axis that is free.

    >>> from drivemeta.runtime.manifest import BankRule, Digests, InputRule
    >>> rule = BankRule(mode="baked", capacity=1, dense_dim=2, crop_dim=3)
    >>> size = InputRule(height=64, width=64)
    >>> weights = Digests(weights="")
    >>> expected_inputs(Manifest(classes=(), input=size, bank=rule, scoring={}, opset=18,
    ...     digests=weights))["frames"][1]
    (None, None, None, 3)
    """
    height, width = manifest.input.frame_size or (None, None)
    rule, n = manifest.bank, manifest.n_thresholds
    expected: Signature = {
        "frames": (_UINT8, (None, height, width, 3)),
        "thresholds": (_FLOAT, (n,)),
    }
    if rule.mode == "fed":
        for level, dim in (("dense", rule.dense_dim), ("crop", rule.crop_dim)):
            expected[f"{level}_weights"] = (_FLOAT, (n, dim))
            expected[f"{level}_biases"] = (_FLOAT, (n,))
            expected[f"{level}_owners"] = (_INT64, (n,))
            expected[f"{level}_roots"] = (_INT64, (n,))
            expected[f"{level}_count"] = (_INT64, (1,))
    return expected


def _check_operators(path: Path, proto: onnx.ModelProto, manifest: Manifest) -> None:
    imported = {entry.domain: entry.version for entry in proto.opset_import}
    foreign = sorted(set(imported) - set(_STANDARD))
    nodes = (node for graph in graphs_within(proto.graph) for node in graph.node)
    foreign += [f"{n.domain}.{n.op_type}" for n in nodes if n.domain not in _STANDARD]
    if foreign or proto.functions:
        raise ModelFileError(
            f"expected standard ONNX operators only in {path}, found the domain of other ones: "
            f"{', '.join(foreign[:3]) or 'functions of its own'}; models of DriveMeta have none"
        )
    opset = next((imported[name] for name in _STANDARD if name in imported), None)
    if opset != manifest.opset or opset not in OPSETS:
        raise ModelFileError(
            f"expected opset {manifest.opset} as the manifest says, between {OPSETS.start} and "
            f"{OPSETS.stop - 1}, found {opset} in {path}; export it again with this version"
        )


def graphs_within(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield a graph and those in the branches of its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from graphs_within(inner)


def _check_values(
    path: Path, what: str, values: list[onnx.ValueInfoProto], expected: Signature
) -> None:
    found = {value.name: value.type.tensor_type for value in values}
    if set(found) != set(expected):
        odd = ", ".join(sorted(set(found) ^ set(expected)))
        raise ModelFileError(
            f"expected the {what}s {', '.join(expected)} in {path}; missing or extra: {odd}"
        )
    for name, (kind, shape) in expected.items():
        dims = tuple(d.dim_value or None for d in found[name].shape.dim)
        if found[name].elem_type != kind or not _fits(dims, shape):
            _refuse(path, f"{what} {name!r}", (kind, shape), (found[name].elem_type, dims))


def _check_initialisers(path: Path, graph: onnx.GraphProto, expected: Signature) -> None:
    """Optional inputs have a value in the file, of the same type and shape."""
    values = {tensor.name: tensor for tensor in graph.initializer}
    for name, (kind, shape) in expected.items():
        if name not in values:
            raise ModelFileError(f"expected a value of the optional input {name!r} in {path}")
        found = (values[name].data_type, tuple(values[name].dims))
        if found != (kind, shape):
            _refuse(path, f"value of {name!r}", (kind, shape), found)


def _fits(dims: tuple[int | None, ...], shape: tuple[int | None, ...]) -> bool:
    return len(dims) == len(shape) and all(
        want is None or found == want for found, want in zip(dims, shape, strict=True)
    )


def _refuse(
    path: Path,
    what: str,
    expected: tuple[int, tuple[int | None, ...]],
    found: tuple[int, tuple[int | None, ...]],
) -> None:
    def text(kind: int, shape: tuple[int | None, ...]) -> str:
        known = kind in TensorProto.DataType.values()
        name = TensorProto.DataType.Name(kind).lower() if known else str(kind)
        return f"{name} [{', '.join('any' if s is None else str(s) for s in shape)}]"

    raise ModelFileError(
        f"expected {what} of {path} to be {text(*expected)} as its manifest says, found "
        f"{text(*found)}; export the model again"
    )
