"""Triton repositories, against the official schema of a model's configuration."""

import json

import onnxruntime as ort
import pytest

from drivemeta.cli.main import main
from drivemeta.deploy.triton import TritonRule, check_config, config_text, write_triton
from drivemeta.deploy.verify_folder import verify_deployed
from drivemeta.errors import InputError, ModelFileError
from drivemeta.runtime.manifest import LICENCE
from drivemeta.runtime.model_file import read_model_file

schema = pytest.importorskip("tritonclient.grpc.model_config_pb2")
KINDS = {
    "tensor(uint8)": schema.TYPE_UINT8,
    "tensor(float)": schema.TYPE_FP32,
    "tensor(int64)": schema.TYPE_INT64,
}


@pytest.fixture(scope="module")
def deployed(tiny_model, tmp_path_factory):
    rule = TritonRule(max_batch=4, max_delay_us=500)
    return write_triton(tiny_model, tmp_path_factory.mktemp("repository"), "signs", rule)


def parsed(folder):
    from google.protobuf import text_format

    return text_format.Parse((folder / "config.pbtxt").read_text(), schema.ModelConfig())


def test_the_configuration_fits_the_official_schema_and_the_model(deployed, lively_detector):
    config = parsed(deployed)
    assert (config.name, config.platform) == ("signs", "onnxruntime_onnx")
    assert config.max_batch_size == 4
    assert config.dynamic_batching.max_queue_delay_microseconds == 500
    session = ort.InferenceSession(
        deployed / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    assert [i.name for i in session.get_inputs()] == [i.name for i in config.input]
    for info, said in zip(session.get_inputs(), config.input, strict=True):
        assert said.data_type == KINDS[info.type]
        assert [d if isinstance(d, int) else -1 for d in info.shape[1:]] == list(said.dims)
    outputs = {o.name: o for o in config.output}
    for info in session.get_outputs():
        said = outputs.pop(info.name)
        assert said.data_type == KINDS[info.type]
        shape = said.reshape.shape if said.HasField("reshape") else said.dims
        assert info.shape[1:] == list(shape)  # the batch axis is Triton's
    assert not outputs
    assert config.output[2].label_filename == "labels.txt"
    names = (deployed / "labels.txt").read_text().splitlines()
    assert tuple(names) == lively_detector.bank.names
    classes = json.loads(config.parameters["classes"].string_value)
    assert [entry["name"] for entry in classes] == names
    assert config.parameters["licence"].string_value == LICENCE


def test_the_bank_is_baked_and_warm_up_fits_the_input(deployed):
    assert read_model_file(deployed / "1" / "model.onnx").manifest.bank.mode == "baked"
    (warm_up,) = parsed(deployed).model_warmup
    assert list(warm_up.inputs["frames"].dims) == [720, 1280, 3]
    assert warm_up.inputs["frames"].zero_data


def test_one_frame_size(tiny_model, tmp_path):
    folder = write_triton(tiny_model, tmp_path, rule=TritonRule(frame_size=(96, 160)))
    assert folder.name == "tiny"
    config = parsed(folder)
    assert list(config.input[0].dims) == [96, 160, 3]
    assert list(config.model_warmup[0].inputs["frames"].dims) == [96, 160, 3]


def test_class_names_of_any_letters_survive(tiny_model):
    from google.protobuf import text_format

    manifest = read_model_file(tiny_model).manifest
    odd = manifest.classes[0].model_copy(update={"name": 'a "b" \\ {ü} # \n'})
    manifest = manifest.model_copy(update={"classes": (odd, *manifest.classes[1:])})
    text = config_text("m", manifest, TritonRule())
    config = text_format.Parse(text, schema.ModelConfig())
    assert json.loads(config.parameters["classes"].string_value)[0]["name"] == odd.name


def test_a_repository_and_a_model_of_it_are_verified(deployed):
    assert verify_deployed(deployed, "cpu")[0].n_rows >= 5
    assert len(verify_deployed(deployed.parent, "cpu")) == 1


def test_the_configuration_may_be_tuned_but_not_broken(tiny_model, tmp_path):
    folder = write_triton(tiny_model, tmp_path, "m")
    config = folder / "config.pbtxt"
    text = config.read_text()
    config.write_text(text.replace("max_batch_size: 8", "max_batch_size: 16"))
    verify_deployed(folder, "cpu")
    config.write_text(text.replace('name: "count"', 'name: "number"'))
    with pytest.raises(InputError, match="expected the tensor 'count'"):
        verify_deployed(folder, "cpu")
    with pytest.raises(InputError, match="'frames'"):
        check_config('# name: "frames"', config)
    config.write_text(text)
    (folder / "labels.txt").write_text("other\n")
    with pytest.raises(ModelFileError, match=r"labels\.txt was changed"):
        verify_deployed(folder, "cpu")


@pytest.mark.parametrize(
    ("name", "rule", "message"),
    [
        ("../x", TritonRule(), "model name of letters"),
        ("m", TritonRule(max_batch=0), "at least 1"),
        ("m", TritonRule(max_delay_us=-1), "at least 0"),
    ],
)
def test_what_cannot_be_is_refused(tiny_model, tmp_path, name, rule, message):
    with pytest.raises(InputError, match=message):
        write_triton(tiny_model, tmp_path, name, rule)
    assert not list(tmp_path.iterdir())


def test_the_command(tiny_model, tmp_path, capsys):
    words = ["deploy", tiny_model, "--target", "triton", "--out", tmp_path, "--name", "signs"]
    with pytest.raises(SystemExit) as done:
        main([*map(str, words), "--max-batch", "2", "--json"])
    assert not done.value.code
    report = json.loads(capsys.readouterr().out)
    assert report["files"] == ["1/model.onnx", "SHA256SUMS", "config.pbtxt", "labels.txt"]
    with pytest.raises(SystemExit) as done:
        main([*map(str, words)])
    assert done.value.code == 2
    assert "--replace" in capsys.readouterr().err
