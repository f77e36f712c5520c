import numpy as np
import onnxruntime as ort
import pytest

from drivemeta.errors import InputError, ModelFileError, ProviderError
from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.providers import SessionOptions, create_session, requested_providers


def cuda_runs(tiny_model):
    return OnnxDetector(tiny_model, provider="auto").provider != "cpu"


def test_cpu_runs(tiny_model):
    session, provider = create_session(tiny_model.read_bytes(), SessionOptions("cpu", threads=1))
    assert provider == "cpu"
    assert session.get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_provider_that_does_not_run_is_an_error_unless_allowed(tiny_model, provider, capfd):
    if cuda_runs(tiny_model):
        pytest.skip("a GPU provider runs here")
    with pytest.raises(ProviderError, match=f"{provider!r} was requested, but 'cpu'"):
        OnnxDetector(tiny_model, provider=provider)
    assert OnnxDetector(tiny_model, provider=provider, allow_fallback=True).provider == "cpu"
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_auto_says_what_runs_without_noise(tiny_model, capfd):
    detector = OnnxDetector(tiny_model)
    assert detector.provider in ("tensorrt", "cuda", "cpu")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_misspelt_provider_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'cuda'"):
        requested_providers("cudda")


def test_full_names_are_understood():
    assert requested_providers("CUDAExecutionProvider") == ["cuda", "cpu"]


def test_what_onnx_runtime_refuses_is_a_model_file_error():
    with pytest.raises(ModelFileError, match="does not take the model"):
        create_session(b"nonsense", SessionOptions("cpu"))


@pytest.mark.gpu
def test_cuda_finds_what_the_cpu_finds(tiny_model, lively_detector):
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        pytest.skip("ONNX Runtime is built without CUDA")
    try:
        gpu = OnnxDetector(tiny_model, provider="cuda")
    except ProviderError as error:
        pytest.skip(str(error))
    gpu.set_bank(lively_detector.bank)
    cpu = OnnxDetector(tiny_model, provider="cpu")
    frames = [draw_scene(seed=seed) for seed in range(2)]
    for a, b in zip(gpu(frames, 0.05), cpu(frames, 0.05), strict=True):
        assert a.names == b.names
        assert np.abs(a.boxes - b.boxes).max() < 0.1
