"""A model with two embeddings: its file against the torch detector, and taken apart again."""

from dataclasses import replace

import numpy as np
import pytest

from drivemeta.core import BankRows, ClassSpec
from drivemeta.errors import InputError
from drivemeta.export.disassemble import networks_of
from drivemeta.export.exporter import ExportOptions, export_detector
from drivemeta.export.parity import torch_dense, torch_rows
from drivemeta.export.parts import Parts
from drivemeta.export.probe_scene import draw_scene
from drivemeta.export.verify import verify_model
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.model_file import read_model_file
from drivemeta.runtime.probe import RowArrays, compare_rows
from tests.helpers.detectors import make_things


@pytest.fixture(scope="module")
def detector(lively_detector):
    """A detector with two leaves of vehicles and a new kind of object beside its signs."""
    things = make_things()
    bank = lively_detector.bank
    n, rng = len(bank.classes), np.random.default_rng(0)
    weights = rng.normal(size=(5, 128)).astype(np.float32)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    owners = np.array([n, 0, n + 1, n + 2, -1])
    rows = BankRows(weights, np.zeros(5, np.float32), owners, np.array([0, 0, 0, n + 2, n + 2]))
    new = (ClassSpec("bus", "vehicle"), ClassSpec("van", "vehicle"), ClassSpec("cone"))
    dense = bank.dense + BankRows(
        -bank.dense.weights[:1], np.full(1, 0.3, np.float32), np.array([n + 2]), np.array([n + 2])
    )
    bank = replace(bank, classes=(*bank.classes, *new), dense=dense, crop=bank.crop + rows)
    scoring = replace(lively_detector.scoring, thing_scale=9.0, thing_power=0.5)
    return lively_detector.with_(bank=bank, things=things, scoring=scoring).eval()


@pytest.fixture(scope="module", params=["fed", "baked"])
def model(detector, request, tmp_path_factory):
    path = tmp_path_factory.mktemp("things") / f"{request.param}.onnx"
    export_detector(detector, path, options=ExportOptions(bank=request.param))
    return path


def test_the_file_finds_what_torch_finds(detector, model):
    frame = draw_scene((200, 300), seed=1)
    found = OnnxDetector(model, provider="cpu")([frame], min_score=0.001)[0]
    expected = torch_rows(detector, torch_dense(detector, frame), 0.001)
    rows = compare_rows(expected, RowArrays(found.boxes, found.scores, found.labels))
    assert rows.n_unmatched <= 2, rows
    assert {"bus", "van", "cone"} & set(found.names)
    assert any(name.startswith("leaf") for name in found.names)
    verify_model(model, provider="cpu")


def test_both_embeddings_are_taken_out_again(model):
    networks = networks_of(read_model_file(model))
    sides = [
        graph.input[0].type.tensor_type.shape.dim[2].dim_value
        for graph in (networks.level2, networks.things)
    ]
    assert sides == [64, 112]
    again = Parts.of(read_model_file(model)).build()
    assert len(again.graph.node) == len(read_model_file(model).proto.graph.node)


def test_signs_score_the_same_to_the_bit_beside_things(detector, lively_detector, tmp_path):
    alone, beside = tmp_path / "alone.onnx", tmp_path / "beside.onnx"
    with_things = detector.with_(bank=lively_detector.bank)
    export_detector(lively_detector, alone)
    export_detector(with_things, beside)
    frame = draw_scene((200, 300), seed=2)
    first, second = (
        OnnxDetector(path, provider="cpu")([frame], min_score=0.001)[0] for path in (alone, beside)
    )
    for name in ("boxes", "scores", "labels"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_a_baked_model_holds_only_what_its_classes_need(detector, lively_detector, tmp_path):
    path = tmp_path / "baked.onnx"
    signs = detector.with_(bank=lively_detector.bank)
    export_detector(signs, path, options=ExportOptions(bank="baked"))
    networks = networks_of(read_model_file(path))
    assert networks.things is None
    assert networks.level2 is not None


def swapped(bank, one, other):
    """Return a bank with two classes in each other's places."""
    order = np.arange(len(bank.classes))
    order[[one, other]] = other, one

    def turned(rows):
        owners = np.where(rows.owners >= 0, order[rows.owners], rows.owners)
        return replace(rows, owners=owners, roots=order[rows.roots])

    classes = tuple(bank.classes[i] for i in order)
    return replace(bank, classes=classes, dense=turned(bank.dense), crop=turned(bank.crop))


def test_a_bank_that_would_be_seen_by_the_wrong_embedding_is_refused(detector, tmp_path):
    path = tmp_path / "fed.onnx"
    export_detector(detector, path)
    model, bank, frame = OnnxDetector(path, provider="cpu"), detector.bank, draw_scene((90, 120), 1)
    before = model([frame], min_score=0.001)[0]
    sign = bank.roots[bank.crop.roots[~np.isin(bank.crop.roots, [0, bank.index("cone")])][0]]
    with pytest.raises(InputError, match=rf"found '{bank.names[sign]}' at label 0, where"):
        model.set_bank(swapped(bank, 0, int(sign)))
    after = model([frame], min_score=0.001)[0]
    np.testing.assert_array_equal(before.scores, after.scores)
    model.set_bank(swapped(bank, bank.index("bus"), bank.index("cone")))  # both are things
