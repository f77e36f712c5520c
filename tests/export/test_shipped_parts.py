"""The shipped base becomes a model without torch, and is what torch would have made of it."""

from dataclasses import asdict

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from drivemeta.errors import ModelFileError
from drivemeta.export import shipped_parts as s
from drivemeta.export.edit_classes import edit_model
from drivemeta.export.parity import check_parity, torch_dense
from drivemeta.export.parts import write_parts
from drivemeta.export.probe_scene import draw_noise, draw_scene
from drivemeta.export.traced_weights import with_weights, without_weights
from drivemeta.models.detector import fitted_to
from drivemeta.models.store import load_base
from drivemeta.models.traced.networks import level1_graph, level2_graph
from drivemeta.runtime.model_file import bank_of, read_model_file

STALE = "python -m tools.base.trace traces the networks anew"
FRAMES = (draw_scene(), draw_noise((405, 300)))


@pytest.fixture(scope="module")
def base():
    return load_base()


def state_of(network):
    return {key: value.numpy() for key, value in network.state_dict().items()}


@pytest.mark.parametrize("name", ["level1", "level2"])
def test_weights_left_out_are_put_back(name, lively_detector):
    network = getattr(lively_detector, name)
    graph = level2_graph(network) if name == "level2" else level1_graph(network, (64, 64))
    bare = without_weights(graph, state_of(network))
    assert bare.ByteSize() < 0.05 * graph.ByteSize()
    again = with_weights(onnx.GraphProto.FromString(bare.SerializeToString()), state_of(network))
    for found, expected in zip(again.initializer, graph.initializer, strict=True):
        assert (found.name, found.doc_string) == (expected.name, expected.doc_string)
        np.testing.assert_allclose(
            numpy_helper.to_array(found), numpy_helper.to_array(expected), rtol=1e-5, atol=1e-6
        )


def test_a_weight_that_is_missing_is_told(lively_detector):
    state = state_of(lively_detector.level2)
    bare = without_weights(level2_graph(lively_detector.level2), state)
    with pytest.raises(ValueError, match=r"project\.weight of level2 is not among the weights"):
        with_weights(bare, {key: v for key, v in state.items() if not key.startswith("project.")})


def test_what_is_traced_is_the_base_that_ships(base):
    parts = s.shipped_parts()
    assert parts is not None, STALE
    assert parts.manifest.digests.weights == base.digest(), STALE
    assert asdict(parts.scoring) == asdict(base.scoring), STALE
    assert parts.bank.classes == base.bank.classes
    np.testing.assert_array_equal(parts.bank.dense.weights, base.bank.dense.weights)


@pytest.mark.slow
def test_it_finds_what_torch_finds(base):
    parts = s.shipped_parts()
    report = check_parity(parts.build(), base, [torch_dense(base, frame) for frame in FRAMES])
    assert report.n_rows > 50, STALE


@pytest.mark.slow
def test_a_model_of_another_size_finds_what_torch_finds(base, tmp_path):
    path = tmp_path / "base.onnx"
    write_parts(s.shipped_parts(), path)
    bank = bank_of(read_model_file(path))
    bank = bank.with_thresholds({"vehicle": 0.77})
    edit_model(path, path, lambda _: bank)
    parts = s.resized_parts(read_model_file(path), (384, 640))
    assert parts.bank.classes == bank.classes
    small = fitted_to(base.with_(bank=bank), (384, 640))
    check_parity(parts.build(), small, [torch_dense(small, frame) for frame in FRAMES])
    assert s.resized_parts(read_model_file(path), (320, 512)) is None


def test_models_of_another_base_are_left_to_torch(tiny_model):
    assert s.resized_parts(read_model_file(tiny_model), (384, 640)) is None


def test_other_weights_are_left_to_torch(monkeypatch, tmp_path):
    (tmp_path / "other").write_bytes(b"other weights")
    monkeypatch.setattr(s, "THING_WEIGHTS", tmp_path / "other")
    assert s.shipped_parts() is None


def test_a_damaged_file_is_told(monkeypatch, tmp_path):
    (tmp_path / "networks").write_bytes(b"no networks")
    monkeypatch.setattr(s, "TRACED_NETWORKS", tmp_path / "networks")
    with pytest.raises(ModelFileError, match="expected traced networks in"):
        s.shipped_parts()


def test_damaged_weights_of_things_are_told(monkeypatch, tmp_path):
    (tmp_path / "things").write_bytes(b"no weights")
    traced = s._Traced()
    monkeypatch.setattr(s, "THING_WEIGHTS", tmp_path / "things")
    with pytest.raises(ModelFileError, match="expected weights of things in"):
        traced.graph("things")
