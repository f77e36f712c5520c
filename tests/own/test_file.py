"""Files that are no detector: one clear message each."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from drivemeta.errors import ModelFileError
from drivemeta.own.candidates import candidates
from drivemeta.own.file import read_own
from drivemeta.plugins import default_registry
from tests.helpers.own_detectors import yolox_file
from tests.helpers.small_model import small_model


def model_of(path, shape, out, kind=TensorProto.FLOAT, **metadata):
    """Write a model that gives zeros."""
    weight = numpy_helper.from_array(np.zeros(out, np.float32), "zeros")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["zeros"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out)],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("shape", "out", "kind", "metadata", "said"),
    [
        ((1, 3, 224, 224), (1, 1000), TensorProto.FLOAT, {}, "perhaps a classifier"),
        ((1, 3, 512, 512), (1, 21, 512, 512), TensorProto.FLOAT, {}, "perhaps a segmentation"),
        ((1, 3, 64, 64), (1, 84, 84), TensorProto.FLOAT, {"task": "segment"}, "a segmentation"),
        ((1, 3, 64, 64), (1, 56, 84), TensorProto.FLOAT, {"task": "pose"}, "a model of poses"),
        ((1, 128), (1, 128, 768), TensorProto.INT64, {}, "no model of images"),
    ],
    ids=["classifier", "segmentation", "segments", "pose", "text"],
)
def test_other_models_are_named(tmp_path, shape, out, kind, metadata, said):
    file = read_own(model_of(tmp_path / "other.onnx", shape, out, kind, **metadata))
    with pytest.raises(ModelFileError, match=said) as caught:
        candidates(file, ("car",), default_registry())
    assert "docs/plugins/layout.md" in str(caught.value)


def test_damaged_files_are_told(tmp_path):
    path = yolox_file(tmp_path / "own.onnx")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelFileError, match="truncated or damaged"):
        read_own(path)
    path.write_bytes(b"")
    with pytest.raises(ModelFileError, match="without a graph"):
        read_own(path)
    with pytest.raises(ModelFileError, match="cannot read"):
        read_own(tmp_path / "absent.onnx")


def test_external_data_is_refused(tmp_path):
    model = onnx.load(yolox_file(tmp_path / "own.onnx"))
    path = tmp_path / "outside.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights", size_threshold=0)
    with pytest.raises(ModelFileError, match="in another file"):
        read_own(path)


def test_a_model_of_ours_is_no_foreign_detector(tmp_path):
    onnx.save(small_model(), tmp_path / "ours.onnx")
    with pytest.raises(ModelFileError, match="a model of DriveMeta already"):
        read_own(tmp_path / "ours.onnx")


def test_foreign_operators_and_old_opsets_are_refused(tmp_path):
    model = onnx.load(yolox_file(tmp_path / "own.onnx"))
    model.graph.node[0].domain = "mmdeploy"
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(ModelFileError, match="those of mmdeploy"):
        read_own(tmp_path / "foreign.onnx")
    model.graph.node[0].domain = ""
    model.opset_import[0].version = 9
    onnx.save(model, tmp_path / "old.onnx")
    with pytest.raises(ModelFileError, match="opset 11 to 22"):
        read_own(tmp_path / "old.onnx")


def test_values_of_inputs_are_no_inputs(tmp_path):
    model = onnx.load(yolox_file(tmp_path / "own.onnx"))
    for tensor in model.graph.initializer:
        value = helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        model.graph.input.append(value)
    onnx.save(model, tmp_path / "declared.onnx")
    assert [t.name for t in read_own(tmp_path / "declared.onnx").signature.inputs] == ["images"]


def test_a_detector_without_names_and_with_too_few(tmp_path):
    file = read_own(yolox_file(tmp_path / "own.onnx"))
    with pytest.raises(ModelFileError, match="its 2 classes have no names"):
        candidates(file, None, default_registry())
    with pytest.raises(ModelFileError, match="names of 2 classes, as it has, found 3"):
        candidates(file, ("a", "b", "c"), default_registry())
