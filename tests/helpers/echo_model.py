"""A model file that finds in any frame what its bank says: it tells which bank a call saw."""

from dataclasses import asdict

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.core.scoring import Scoring
from drivemeta.runtime import manifest as m
from drivemeta.runtime.model_file import graph_digest
from drivemeta.runtime.probe import Probe, RowArrays
from tests.helpers.small_model import set_properties

CAPACITY, DIM = 4, 3
N_ROWS = 300
_FLOAT, _INT64, _UINT8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8


def tagged_bank(tag):
    """Return a bank that says the same number everywhere; its number of classes varies with it."""
    classes = tuple(ClassSpec(f"{tag}_{i}", threshold=tag / 10) for i in range(1 + tag % CAPACITY))
    weights = np.full((1, DIM), DIM**-0.5, np.float32)
    row = BankRows(weights, np.full(1, tag, np.float32), np.zeros(1, int), np.zeros(1, int))
    return ClassBank(classes, row, row)


def tags_of(detections):
    """Return the banks that a call's detections speak of, by number; -1 for none."""
    said = {round(score) for found in detections for score in found.scores[:3].tolist()}
    for found in detections:
        said.add(int(found.classes[0].split("_")[0]))
        if len(found.classes) != 1 + max(said) % CAPACITY:
            said.add(-1)
    return frozenset(said)


def echo_model(nodes=(), **constants):
    """Return the model: three boxes a frame, scored by a bias of each level and a threshold.

    Args:
        nodes: Further nodes, put before its own, which may make one of its constants.
        **constants: Arrays by name, in place of its own or beside them.
    """
    made = {name for node in nodes for name in node.output}
    values = {k: v for k, v in (_CONSTANTS | constants).items() if k not in made}
    rule = m.BankRule(mode="fed", capacity=CAPACITY, dense_dim=DIM, crop_dim=DIM)
    outputs = {"boxes": (_FLOAT, ["n", N_ROWS, 4]), "scores": (_FLOAT, ["n", N_ROWS])}
    outputs |= {"labels": (_INT64, ["n", N_ROWS]), "count": (_INT64, ["n"])}
    bank = _bank_inputs()
    kinds = {name: (helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for name, a in bank.items()}
    inputs = {"frames": (_UINT8, ["n", "h", "w", 3])} | kinds
    graph = helper.make_graph(
        [*nodes, *_nodes()],
        "echo",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in (bank | values).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    manifest = m.Manifest(
        classes=m.class_entries(tagged_bank(0)),
        input=m.InputRule(height=64, width=64),
        bank=rule,
        scoring=asdict(Scoring()),
        opset=18,
        digests=m.Digests(weights="0" * 64, graph=graph_digest(model.graph)),
    )
    none = RowArrays(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    probe = Probe.make(np.zeros((8, 8, 3), np.uint8), 0.5, none)
    set_properties(model, manifest.model_dump_json(), probe.model_dump_json())
    return model.SerializeToString()


_CONSTANTS = {
    "first": np.array([0]),
    "ten": np.array([10], np.float32),
    "n_blank": np.array([N_ROWS - 3]),
    "of_rows": np.array([N_ROWS]),
    "of_boxes": np.array([N_ROWS, 4]),
    "box": np.array([[[1, 2, 3, 4]]], np.float32),
    "label": np.array([[0]]),
    "three": np.array([3]),
}


def _bank_inputs():
    arrays = {"thresholds": np.zeros(CAPACITY, np.float32)}
    for level in ("dense", "crop"):
        arrays[f"{level}_weights"] = np.zeros((CAPACITY, DIM), np.float32)
        arrays[f"{level}_biases"] = np.zeros(CAPACITY, np.float32)
        arrays[f"{level}_owners"] = arrays[f"{level}_roots"] = np.full(CAPACITY, -1)
        arrays[f"{level}_count"] = np.zeros(1, int)
    return arrays


def _nodes():
    def op(kind, inputs, output, **attributes):
        return helper.make_node(kind, inputs.split(), [output], output, **attributes)

    return [
        op("Shape", "frames", "n", start=0, end=1),
        op("Gather", "dense_biases first", "dense"),
        op("Gather", "crop_biases first", "crop"),
        op("Gather", "thresholds first", "threshold"),
        op("Mul", "threshold ten", "tag"),
        op("ConstantOfShape", "n_blank", "blank"),
        op("Concat", "dense crop tag blank", "row", axis=0),
        op("Concat", "n of_rows", "rows_shape", axis=0),
        op("Expand", "row rows_shape", "scores"),
        op("Expand", "label rows_shape", "labels"),
        op("Concat", "n of_boxes", "boxes_shape", axis=0),
        op("Expand", "box boxes_shape", "boxes"),
        op("Expand", "three n", "count"),
    ]
