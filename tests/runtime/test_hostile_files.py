"""Files made to do harm, or to confuse: refused with the reason, never another exception."""

import base64
import json
import struct

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from drivemeta.errors import DriveMetaError, ModelFileError, ProviderError
from drivemeta.runtime import OnnxDetector
from drivemeta.runtime.manifest import MANIFEST_KEY, PROBE_KEY
from drivemeta.runtime.model_file import graph_digest, read_model_file
from tests.helpers.small_model import set_properties, small_model

FRAME = np.zeros((32, 48, 3), np.uint8)


@pytest.fixture(scope="module")
def small():
    return small_model()


def written(model, path, digest=True, **changes):
    """Write a model, its manifest changed and (as an attacker would) its digest made to fit."""
    properties = {p.key: json.loads(p.value) for p in model.metadata_props}
    manifest = properties[MANIFEST_KEY]
    for key, value in changes.items():
        where, _, field = key.rpartition("__")
        (manifest[where] if where else manifest)[field] = value
    if digest:
        manifest["digests"]["graph"] = graph_digest(model.graph)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    set_properties(copy, json.dumps(manifest), json.dumps(properties[PROBE_KEY]))
    path.write_bytes(copy.SerializeToString())
    return path


def copied(model):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


@pytest.mark.parametrize("mode", ["fed", "baked"])
def test_the_small_model_itself_runs(tmp_path, mode):
    path = written(small_model(mode), tmp_path / "m.onnx")
    assert len(OnnxDetector(path, provider="cpu")([FRAME], 0.001)[0]) > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bank__capacity": 10**9}, "bank.capacity"),
        ({"bank__dense_dim": 0}, "bank.dense_dim"),
        ({"input__height": -64}, "input.height"),
        ({"input__frame_size": [0, 5]}, "input.frame_size"),
        ({"classes": [{"name": "a\nb"}]}, "one line of text"),
        ({"classes": [{"name": "a", "threshold": 1e300}]}, "classes.0.threshold"),
        ({"classes": []}, "does not have"),
        ({"classes": [{"name": "a"}] * 3}, "must be unique"),
        ({"bank__capacity": 9}, r"float \[9\] as its manifest says, found float \[8\]"),
        ({"bank__crop_dim": 7}, r"'crop_weights'.*\[8, 7\]"),
        ({"bank__mode": "baked"}, "missing or extra: crop_biases"),
        ({"input__frame_size": [32, 48]}, "input 'frames'"),
        ({"opset": 12}, "expected opset 12 as the manifest says"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_an_absurd_manifest(small, tmp_path, changes, message):
    with pytest.raises(ModelFileError, match=message):
        read_model_file(written(small, tmp_path / "m.onnx", **changes))


def edit_opset(model):
    model.opset_import[0].version = 9


def edit_domain(model):
    model.opset_import.append(helper.make_opsetid("com.evil", 1))


def edit_branch(model):
    branch = next(n for n in model.graph.node if n.op_type == "If").attribute[0].g
    branch.node[0].domain = "com.microsoft"


def edit_function(model):
    node = helper.make_node("Add", ["a", "a"], ["b"])
    opset = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("", "Relu", ["a"], ["b"], [node], opset))


def edit_shape(model):
    replace(model, "crop_weights", np.zeros((8, 6), np.float32))


def edit_dtype(model):
    replace(model, "thresholds", np.zeros(8, np.float64))


def edit_labels(model):
    replace(model, "dense_owners", np.full(8, 99, np.int64))


def edit_count(model):
    replace(model, "crop_count", np.array([-5], np.int64))


def edit_input(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def edit_output(model):
    model.graph.output.pop()


def edit_constant(model):
    tensor = TensorProto(name="t", data_type=1, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../etc/passwd")
    model.graph.node.append(helper.make_node("Constant", [], ["t"], value=tensor))


def edit_sparse(model):
    values = TensorProto(name="s", data_type=1, data_location=TensorProto.EXTERNAL)
    model.graph.sparse_initializer.append(onnx.SparseTensorProto(values=values))


def edit_loop(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], [], body=body))


def edit_loop_in_a_branch(model):
    branch = next(n for n in model.graph.node if n.op_type == "If").attribute[0].g
    branch.node.append(helper.make_node("Scan", [], []))


def edit_giant(model):
    shape = numpy_helper.from_array(np.array([2**15, 2**15]), "giant")
    model.graph.initializer.append(shape)
    model.graph.node.append(helper.make_node("ConstantOfShape", ["giant"], ["large"]))


def edit_doubling(model):
    for i in range(40):
        before = f"twice{i - 1}" if i else "thresholds"
        node = helper.make_node("Concat", [before, before], [f"twice{i}"], axis=0)
        model.graph.node.append(node)


def edit_sparse_giant(model):
    values = numpy_helper.from_array(np.ones(1, np.float32), "giant")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "at")
    sparse = onnx.SparseTensorProto(values=values, indices=indices, dims=[2**29])
    model.graph.sparse_initializer.append(sparse)


def edit_sparse_constant(model):
    edit_sparse_giant(model)
    sparse = model.graph.sparse_initializer.pop()
    model.graph.node.append(helper.make_node("Constant", [], ["giant"], sparse_value=sparse))


def replace(model, name, array):
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(array, name))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_opset, "found 9"),
        (edit_domain, r"standard ONNX operators only .*com\.evil"),
        (edit_branch, r"com\.microsoft"),
        (edit_function, "functions of its own"),
        (edit_shape, r"value of 'crop_weights'.*\[8, 5\].*found float \[8, 6\]"),
        (edit_dtype, "found double"),
        (edit_labels, "does not have"),
        (edit_count, "-5 in use"),
        (edit_input, "input 'frames'"),
        (edit_output, "missing or extra: count"),
        (edit_constant, "'t' in an external file"),
        (edit_sparse, "'s' in an external file"),
        (edit_loop, "found the operator Loop"),
        (edit_loop_in_a_branch, "found the operator Scan"),
        (edit_giant, r"'large' has the shape \[32768, 32768\]"),
        (edit_doubling, r"'twice\d+' has the shape"),
        (edit_sparse_giant, "found sparse ones"),
        (edit_sparse_constant, "found sparse ones"),
    ],
)
def test_a_hostile_graph(small, tmp_path, edit, message):
    model = copied(small)
    edit(model)
    with pytest.raises(ModelFileError, match=message):
        read_model_file(written(model, tmp_path / "m.onnx"))


def test_a_graph_that_fails_while_running_says_where(small, tmp_path):
    model = copied(small)
    for node in model.graph.node:
        if node.op_type == "GatherND":
            constants = numpy_helper.from_array(np.full((1, 12, 1), 10**6, np.int64), "far")
            model.graph.initializer.append(constants)
            node.input[1] = "far"
            break
    path = written(model, tmp_path / "m.onnx")
    with pytest.raises(ProviderError, match="'cpu' failed on 1 frames of 32x48"):
        OnnxDetector(path, provider="cpu")([FRAME])


def png_header(width, height):
    return base64.b64encode(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\0" * 9
    ).decode()


@pytest.mark.parametrize(
    "png", ["", "no base64!", "AAAA", png_header(2**31 - 1, 2**31 - 1), png_header(9, 9)]
)
def test_a_probe_without_a_sane_picture(small, tmp_path, png):
    properties = {p.key: p.value for p in small.metadata_props}
    probe = json.loads(properties[PROBE_KEY]) | {"png": png}
    model = copied(small)
    set_properties(model, properties[MANIFEST_KEY], json.dumps(probe))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="expected a PNG"):
        read_model_file(tmp_path / "m.onnx").probe().image()


def test_a_probe_of_unequal_lengths(small, tmp_path):
    properties = {p.key: p.value for p in small.metadata_props}
    probe = json.loads(properties[PROBE_KEY]) | {"scores": [0.5]}
    model = copied(small)
    set_properties(model, properties[MANIFEST_KEY], json.dumps(probe))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match=r"probe .* is damaged"):
        read_model_file(tmp_path / "m.onnx").probe()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def leaves(value, at=()):
    """Yield the paths of all values within a JSON value."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    if isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, (*at, i))


def use(path):
    """Load and run a file; whatever is wrong with it must be one of our errors."""
    try:
        file = read_model_file(path)
        file.probe().image()
        OnnxDetector(path, provider="cpu", threads=1)([FRAME], 0.01)[0].names  # noqa: B018
    except DriveMetaError:
        return


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_any_mistake_in_the_manifest_or_probe_is_one_of_our_errors(small, tmp_path, data):
    properties = {p.key: json.loads(p.value) for p in small.metadata_props}
    where = data.draw(st.sampled_from([list(p) for p in leaves(properties) if p]))
    target = properties
    for key in where[:-1]:
        target = target[key]
    if data.draw(st.booleans()) and isinstance(target, dict) and len(where) > 1:
        del target[where[-1]]
    else:
        target[where[-1]] = data.draw(JSON)
    model = copied(small)
    set_properties(model, *(json.dumps(properties[k]) for k in (MANIFEST_KEY, PROBE_KEY)))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    use(tmp_path / "m.onnx")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_any_damage_to_the_file_is_one_of_our_errors(small, tmp_path, data):
    content = bytearray(small.SerializeToString())
    at = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "insert", "drop"]))
    if kind == "flip":
        content[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del content[at:]
    elif kind == "insert":
        content[at:at] = data.draw(st.binary(min_size=1, max_size=16))
    else:
        del content[at : at + data.draw(st.integers(1, 64))]
    (tmp_path / "m.onnx").write_bytes(content)
    use(tmp_path / "m.onnx")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(data=st.data())
def test_any_change_of_a_tensor_that_the_digest_hides_is_one_of_our_errors(small, tmp_path, data):
    model = copied(small)
    tensor = data.draw(st.sampled_from(list(model.graph.initializer)))
    change = data.draw(st.sampled_from(["raw", "dims", "type"]))
    if change == "raw":
        tensor.raw_data = data.draw(st.binary(max_size=64))
    elif change == "dims":
        tensor.dims[:] = data.draw(st.lists(st.integers(-(2**40), 2**40), max_size=3))
    else:
        tensor.data_type = data.draw(st.integers(0, 40))
    use(written(model, tmp_path / "m.onnx"))
