"""What providers are told, and what is made of what they answer, by a fake session layer."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime as ort
import pytest

from drivemeta.errors import InputError, ModelFileError, ProviderError
from drivemeta.export.exporter import ExportOptions, export_detector
from drivemeta.export.probe_scene import draw_noise, draw_scene
from drivemeta.runtime import OnnxDetector, gpus, providers
from drivemeta.runtime import provider_options as o
from drivemeta.runtime.gpus import Gpu
from drivemeta.runtime.providers import SessionOptions, create_session
from drivemeta.runtime.replay import Replay

FIXED = o.Shapes((720, 1280), max_batch=4)


class FakeOrt:
    """ONNX Runtime as far as a session's making goes: some providers load, others do not."""

    __version__ = "1.99"
    SessionOptions = ort.SessionOptions

    def __init__(self, built_in, loads, raises=()):
        self.built_in, self.loads, self.raises = built_in, loads, raises
        self.calls = []
        self.preloaded = 0

    def get_available_providers(self):
        return self.built_in

    def set_default_logger_severity(self, level):
        self.level = level

    def preload_dlls(self):
        self.preloaded += 1

    def InferenceSession(self, model, options, providers, enable_fallback):  # noqa: N802
        self.calls.append((options, dict(providers)))
        names = [name for name, _ in providers]
        if names[0] in self.raises:
            raise RuntimeError("cannot load its library")
        return SimpleNamespace(get_providers=lambda: [n for n in names if n in self.loads])


@pytest.fixture
def fake(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(providers, "nvidia_gpus", lambda: (Gpu("NVIDIA L4", "550", "23 GiB"),))

    def install(built_in, loads, raises=()):
        made = FakeOrt(built_in, loads, raises)
        monkeypatch.setattr(providers, "ort", made)
        return made

    return install


ALL = [o.TENSORRT, o.CUDA, o.CPU]


@pytest.mark.parametrize("raises", [(), (o.TENSORRT,)])
def test_a_tensorrt_that_does_not_run_leaves_no_folder(fake, tmp_path, raises):
    fake(ALL, [o.CUDA, o.CPU], raises)
    _, running = create_session(b"model", SessionOptions())
    assert running == "cuda"
    assert list(tmp_path.rglob("tensorrt*")) == []


def test_tensorrt_gets_caches_and_a_profile_of_the_shapes_to_come(fake, tmp_path):
    made = fake(ALL, ALL)
    device = o.DeviceSettings(FIXED, precision="fp16")
    _, running = create_session(b"model", SessionOptions("tensorrt", device=device))
    assert running == "tensorrt"
    assert made.preloaded == 1
    _, told = made.calls[0]
    assert list(told) == ALL  # what TensorRT does not take runs on CUDA, then on the CPU
    trt = told[o.TENSORRT]
    assert trt["trt_profile_min_shapes"] == "frames:1x720x1280x3"
    assert trt["trt_profile_opt_shapes"] == trt["trt_profile_max_shapes"] == "frames:4x720x1280x3"
    assert trt["trt_engine_cache_enable"] == trt["trt_timing_cache_enable"] == "1"
    folder = Path(trt["trt_engine_cache_path"])
    assert folder.is_dir()
    assert tmp_path in folder.parents
    assert "NVIDIA-L4-550" in folder.name
    assert trt["trt_fp16_enable"] == "1"


@pytest.mark.parametrize(
    "change",
    [
        {"model_digest": "other"},
        {"machine": "another GPU"},
        {"precision": "int8"},
        {"shapes": o.Shapes((360, 640))},
        {"cuda_graph": True},
    ],
)
def test_an_engine_serves_one_model_on_one_machine_for_one_kind_of_shapes(change):
    device = o.DeviceSettings(FIXED, model_digest="a" * 64, machine="gpu")
    assert o.cache_folder(device) == o.cache_folder(replace(device))
    assert o.cache_folder(device) != o.cache_folder(replace(device, **change))


def test_frames_of_any_size_have_no_profile():
    assert not [k for k in o.options_for(o.TENSORRT, o.DeviceSettings()) if "profile" in k]


def test_int8_kernels_are_built_only_for_int8_models():
    by = {p: o.options_for(o.TENSORRT, o.DeviceSettings(precision=p)) for p in ("fp32", "int8")}
    assert by["int8"]["trt_int8_enable"] == "1"
    assert not {"trt_int8_enable", "trt_fp16_enable"} & set(by["fp32"])


def test_cuda_keeps_to_float32_and_searches_where_shapes_stay():
    varied = o.options_for(o.CUDA, o.DeviceSettings())
    fixed = o.options_for(o.CUDA, o.DeviceSettings(FIXED, cuda_graph=True, device=1))
    assert varied["use_tf32"] == fixed["use_tf32"] == "0"
    assert varied["cudnn_conv_algo_search"] == "HEURISTIC"
    assert fixed["cudnn_conv_algo_search"] == "EXHAUSTIVE"
    assert fixed["enable_cuda_graph"] == "1"
    assert fixed["device_id"] == "1"
    assert "enable_cuda_graph" not in varied


def test_the_others_are_told_what_they_need():
    assert o.options_for(o.OPENVINO, o.DeviceSettings())["device_type"] == "CPU"
    assert o.options_for(o.COREML, o.DeviceSettings())["ModelFormat"] == "MLProgram"
    assert o.session_settings(o.DIRECTML, None)["attributes"] == {"enable_mem_pattern": False}
    assert o.session_settings(o.CPU, 3)["attributes"] == {"intra_op_num_threads": 3}


def test_a_provider_that_is_skipped_is_noticed(fake):
    fake(ALL, [o.CPU])
    with pytest.raises(ProviderError, match="'cuda' was requested, but 'cpu' is what runs"):
        create_session(b"", SessionOptions("cuda"))
    assert create_session(b"", SessionOptions("cuda", allow_fallback=True))[1] == "cpu"
    assert create_session(b"", SessionOptions())[1] == "cpu"


def test_a_provider_that_raises_is_passed_over_where_that_is_allowed(fake):
    made = fake(ALL, ALL, raises=[o.TENSORRT])
    assert create_session(b"", SessionOptions())[1] == "cuda"
    assert [next(iter(told)) for _, told in made.calls] == [o.TENSORRT, o.CUDA]
    with pytest.raises(ProviderError, match="'tensorrt' was requested, but 'cuda'"):
        create_session(b"", SessionOptions("tensorrt"))


def test_a_model_that_no_provider_takes_is_a_model_file_error(fake):
    fake(ALL, ALL, raises=ALL)
    with pytest.raises(ModelFileError, match="cannot load its library"):
        create_session(b"", SessionOptions())


@pytest.mark.parametrize(
    ("name", "full"), [("openvino", o.OPENVINO), ("coreml", o.COREML), ("directml", o.DIRECTML)]
)
def test_other_providers_run_where_they_are_built_in(fake, name, full):
    made = fake([full, o.CPU], [full, o.CPU])
    assert create_session(b"", SessionOptions(name))[1] == name
    assert create_session(b"", SessionOptions())[1] == name
    assert list(made.calls[0][1]) == [full, o.CPU]
    fake([o.CPU], [o.CPU])
    with pytest.raises(ProviderError, match=f"{name!r} was requested"):
        create_session(b"", SessionOptions(name))


def test_denormals_count_as_zero_only_when_asked_for(fake):
    made = fake([o.CPU], [o.CPU])
    create_session(b"", SessionOptions("cpu", denormal_as_zero=True))
    assert made.calls[0][0].get_session_config_entry("session.set_denormal_as_zero") == "1"
    assert o.session_settings(o.CPU, None)["entries"] == {}


def test_a_session_leaves_the_arithmetic_of_its_process_alone(fixed_model):
    """ONNX Runtime sets the flag for the calling thread too, and for good."""
    OnnxDetector(fixed_model, provider="cpu")([draw_scene((96, 160))])
    least = np.finfo(np.float32).smallest_subnormal
    assert np.float32(least) * np.float32(1) > 0


def test_the_cpu_alone_preloads_nothing(fake):
    made = fake([o.CPU], [o.CPU])
    create_session(b"", SessionOptions("cpu", threads=2))
    assert made.preloaded == 0
    assert made.calls[0][0].intra_op_num_threads == 2


@pytest.mark.parametrize("shapes", [{"max_batch": 0}, {"frame_size": (0, 5)}])
def test_shapes_that_cannot_be(shapes):
    with pytest.raises(InputError, match="at least 1"):
        o.Shapes(**shapes)


def test_gpus_are_none_without_a_driver(monkeypatch):
    monkeypatch.setenv("PATH", "")
    gpus.nvidia_gpus.cache_clear()
    assert gpus.nvidia_gpus() == ()
    gpus.nvidia_gpus.cache_clear()


@pytest.fixture(scope="module")
def fixed_model(lively_detector, tmp_path_factory):
    path = tmp_path_factory.mktemp("fixed") / "fixed.onnx"
    options = ExportOptions(frame_size=(96, 160), bank="baked")
    export_detector(lively_detector, path, options=options)
    return path


def test_replayed_calls_give_what_plain_calls_give(fixed_model, lively_detector):
    session = ort.InferenceSession(fixed_model, providers=["CPUExecutionProvider"])
    names = ("boxes", "scores", "labels", "count")
    replay = Replay(session, names, "cpu")
    own = lively_detector.bank.thresholds
    for seed, thresholds in enumerate((own, own * 0 + 0.001, own)):
        for frame in (draw_scene((96, 160), seed), draw_noise((96, 160), seed)):
            for batch in (frame[None], np.stack([frame, frame[::-1]])):
                plain = session.run(list(names), {"frames": batch, "thresholds": thresholds})
                found = replay.run(batch, {"thresholds": thresholds})
                for one, other in zip(plain, found, strict=True):
                    np.testing.assert_array_equal(one, other)


def test_cuda_graphs_want_a_fixed_size_and_a_baked_bank(tiny_model):
    with pytest.raises(InputError, match="--frame-size 720x1280 --bank baked"):
        OnnxDetector(tiny_model, cuda_graph=True)


def test_warming_up_runs_the_sizes_to_come(tiny_model, fixed_model):
    assert OnnxDetector(tiny_model, provider="cpu").warm_up((90, 160), batch=2) > 0
    assert OnnxDetector(fixed_model, provider="cpu").warm_up() > 0


@pytest.mark.gpu
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_cuda_graphs_find_what_the_cpu_finds(fixed_model, provider):
    try:
        gpu = OnnxDetector(fixed_model, provider=provider, cuda_graph=True)
    except ProviderError as error:
        pytest.skip(str(error))
    cpu = OnnxDetector(fixed_model, provider="cpu")
    for seed in range(3):
        frame = draw_scene((96, 160), seed)
        for min_score in (0.05, None):
            one, other = gpu([frame], min_score)[0], cpu([frame], min_score)[0]
            assert one.names == other.names
            assert np.abs(one.boxes - other.boxes).max(initial=0) < 0.1
