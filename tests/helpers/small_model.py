"""A model file of a few kilobytes: real graph round networks that see nothing."""

from dataclasses import asdict

import numpy as np
import onnx
from onnx import TensorProto, helper

from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.core.scoring import Scoring
from drivemeta.export.graph.assemble import Networks, assemble
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.models.traced.opset import OPSET
from drivemeta.runtime import manifest as m
from drivemeta.runtime.model_file import graph_digest
from drivemeta.runtime.probe import Probe, RowArrays

N, DENSE, CROP = 12, 4, 5


def network(name, side, outputs):
    """Return a graph that repeats constants for each of its images."""
    g = GraphBuilder()
    n = g.Slice(g.Shape("x"), [0], [1], [0])
    found = []
    for output, values in outputs.items():
        shape = g.Concat(n, list(values.shape), axis=0)
        g.nodes.append(helper.make_node("Expand", [g.value(values[None]), shape], [output], output))
        found.append(helper.make_empty_tensor_value_info(output))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, side, side])
    return g.graph(name, [x], found)


def small_model(mode="fed"):
    """Return a valid model of two super-classes and a leaf, with manifest and probe."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 40, (N, 2)).astype(np.float32)
    boxes = np.concatenate([corner, corner + 9], 1)
    embeddings = rng.normal(size=(N, DENSE)).astype(np.float32)
    dense = {"boxes": boxes, "quality": boxes[:, 0], "embeddings": embeddings}
    crop = {"embeddings": np.full(CROP, CROP**-0.5, np.float32)}
    networks = Networks(network("level1", 64, dense), network("level2", 64, crop), N)
    classes = (ClassSpec("vehicle"), ClassSpec("sign"), ClassSpec("rocks", "sign", "novel"))
    bank = ClassBank(
        classes,
        BankRows(np.eye(2, DENSE, dtype=np.float32), np.zeros(2, np.float32), *[np.arange(2)] * 2),
        BankRows(
            np.eye(2, CROP, dtype=np.float32),
            np.zeros(2, np.float32),
            np.array([2, -1]),
            np.array([1, 1]),
        ),
    )
    rule = m.BankRule(mode=mode, capacity=8, dense_dim=DENSE, crop_dim=CROP)
    size = m.InputRule(height=64, width=64)
    model = assemble(networks, bank, Scoring(), size, rule)
    manifest = m.Manifest(
        classes=m.class_entries(bank),
        input=size,
        bank=rule,
        scoring=asdict(Scoring()),
        opset=OPSET,
        digests=m.Digests(weights="0" * 64, graph=graph_digest(model.graph)),
    )
    none = RowArrays(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    probe = Probe.make(np.zeros((8, 8, 3), np.uint8), 0.5, none)
    set_properties(model, manifest.model_dump_json(), probe.model_dump_json())
    return model


def set_properties(model, manifest, probe):
    onnx.helper.set_model_props(model, {m.MANIFEST_KEY: manifest, m.PROBE_KEY: probe})
