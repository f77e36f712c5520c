import json

import onnx
import pytest

from drivemeta.core.scoring import Scoring
from drivemeta.errors import ModelFileError
from drivemeta.runtime.manifest import MANIFEST_KEY, Manifest
from drivemeta.runtime.model_file import read_model_file


def rewritten(tiny_model, path, edit):
    model = onnx.load(tiny_model)
    edit(model)
    path.write_bytes(model.SerializeToString())
    return path


def set_manifest(model, **changes):
    properties = {p.key: p.value for p in model.metadata_props}
    manifest = json.loads(properties[MANIFEST_KEY]) | changes
    properties[MANIFEST_KEY] = json.dumps(manifest)
    onnx.helper.set_model_props(model, properties)


def test_the_manifest_survives_its_json(tiny_model):
    manifest = read_model_file(tiny_model).manifest
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_a_score_rule_of_a_later_version(tiny_model):
    manifest = read_model_file(tiny_model).manifest
    assert manifest.constants == Scoring(**manifest.scoring)
    later = manifest.model_copy(update={"scoring": manifest.scoring | {"glare_power": 0.5}})
    with pytest.raises(ModelFileError, match="found also glare_power: another version"):
        _ = later.constants


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelFileError, match=r"cannot read .*none\.onnx"):
        read_model_file(tmp_path / "none.onnx")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_file(tiny_model, tmp_path, share):
    data = tiny_model.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelFileError, match=r"cut\.onnx"):
        read_model_file(path)


def test_a_flipped_byte_of_the_weights(tiny_model, tmp_path):
    data = bytearray(tiny_model.read_bytes())
    data[len(data) // 3] ^= 0x10
    path = tmp_path / "flipped.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"flipped\.onnx"):
        read_model_file(path)


def test_something_else(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_text("this is no model, it is a line of text\n" * 20)
    with pytest.raises(ModelFileError, match="truncated or damaged"):
        read_model_file(path)


def test_someone_elses_model(tiny_model, tmp_path):
    path = rewritten(tiny_model, tmp_path / "other.onnx", lambda m: m.ClearField("metadata_props"))
    with pytest.raises(ModelFileError, match="without its manifest"):
        read_model_file(path)


def test_a_manifest_of_another_version(tiny_model, tmp_path):
    path = rewritten(
        tiny_model, tmp_path / "new.onnx", lambda m: set_manifest(m, schema_version=99)
    )
    with pytest.raises(ModelFileError, match="at schema_version"):
        read_model_file(path)


def test_a_changed_graph(tiny_model, tmp_path):
    path = rewritten(tiny_model, tmp_path / "changed.onnx", lambda m: m.graph.node.pop())
    with pytest.raises(ModelFileError, match="not the one that its manifest describes"):
        read_model_file(path)


def test_external_data_is_refused(tiny_model, tmp_path):
    def edit(model):
        tensor = model.graph.initializer[0]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")

    with pytest.raises(ModelFileError, match="in an external file"):
        read_model_file(rewritten(tiny_model, tmp_path / "external.onnx", edit))


def test_external_data_in_a_branch_is_refused(tiny_model, tmp_path):
    def edit(model):
        branch = next(n for n in model.graph.node if n.op_type == "If").attribute[0].g
        branch.initializer[0].data_location = onnx.TensorProto.EXTERNAL

    with pytest.raises(ModelFileError, match="in an external file"):
        read_model_file(rewritten(tiny_model, tmp_path / "external.onnx", edit))
