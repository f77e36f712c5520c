import json
import subprocess
import sys

import onnx
import pytest

from drivemeta.errors import ModelFileError, ParityError
from drivemeta.export.verify import verify_model
from drivemeta.runtime.manifest import MANIFEST_KEY, PROBE_KEY
from drivemeta.runtime.model_file import graph_digest


def change(path, out, edit):
    """Edit a model and its metadata, and give it a digest that fits."""
    model = onnx.load(path)
    properties = {p.key: json.loads(p.value) for p in model.metadata_props}
    edit(model, properties)
    properties[MANIFEST_KEY]["digests"]["graph"] = graph_digest(model.graph)
    onnx.helper.set_model_props(model, {k: json.dumps(v) for k, v in properties.items()})
    out.write_bytes(model.SerializeToString())
    return out


def test_an_export_is_verified_from_its_file(tiny_model):
    report = verify_model(tiny_model, "cpu")
    assert report.provider == "cpu"
    assert report.n_rows >= 5
    assert report.box_px < 0.1
    assert report.score < 1e-3
    assert report.n_bytes == tiny_model.stat().st_size


def test_verification_needs_no_torch(tiny_model):
    code = (
        "import sys; from drivemeta.export.verify import verify_model; "
        f"verify_model({str(tiny_model)!r}, 'cpu'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_weights_do_not_give_the_rows_promised(tiny_model, tmp_path):
    def edit(model, properties):
        biases = next(t for t in model.graph.initializer if t.name == "dense_biases")
        values = onnx.numpy_helper.to_array(biases) - 0.1
        biases.CopyFrom(onnx.numpy_helper.from_array(values, "dense_biases"))

    with pytest.raises(ParityError, match="missing or extra on provider 'cpu'"):
        verify_model(change(tiny_model, tmp_path / "changed.onnx", edit), "cpu")


def test_a_file_without_probe(tiny_model, tmp_path):
    def edit(model, properties):
        del properties[PROBE_KEY]

    with pytest.raises(ModelFileError, match="no probe"):
        verify_model(change(tiny_model, tmp_path / "no_probe.onnx", edit), "cpu")


def test_an_invalid_graph(tiny_model, tmp_path):
    def edit(model, properties):
        model.graph.node[3].input[0] = "nowhere"

    with pytest.raises(ModelFileError, match="not a valid ONNX model"):
        verify_model(change(tiny_model, tmp_path / "invalid.onnx", edit), "cpu")
