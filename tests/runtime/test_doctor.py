"""The doctor: what is broken is told from what is merely not there."""

import json
import sys

import onnxruntime as ort
import pytest

from drivemeta.cli.main import main
from drivemeta.runtime import doctor as d
from drivemeta.runtime.gpus import Gpu
from drivemeta.runtime.providers import PROVIDERS
from drivemeta.version import release


def test_this_machine_is_healthy_and_runs_models(capsys):
    with pytest.raises(SystemExit) as done:
        main(["doctor", "--json"])
    report = json.loads(capsys.readouterr().out)
    by = {finding["what"]: finding for finding in report["findings"]}
    assert by["drivemeta"]["found"] == release()
    assert by["provider cpu"]["state"] == "ok"
    assert set(by) >= {f"provider {name}" for name in PROVIDERS}
    assert (done.value.code or 0) == (0 if report["healthy"] else 1)


def test_two_distributions_of_onnx_runtime_are_a_problem():
    two = {"onnxruntime": "1.20", "onnxruntime-gpu": "1.21"}
    finding = d.distributions(two)
    assert finding.state == "problem"
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in finding.advice
    assert d.distributions({"onnxruntime-gpu": "1.21"}).state == "ok"
    assert not d.MachineReport([finding]).healthy


def test_a_missing_libgl_is_named_with_its_remedy(monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "cv2":
                raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    finding = d.opencv({"opencv-python": "4.10"})
    assert finding.state == "problem"
    assert "libgl1" in finding.advice
    assert "opencv-python-headless" in finding.advice


def test_two_opencvs_are_a_problem():
    assert d.opencv({"opencv-python": "4.10", "opencv-python-headless": "4.9"}).state == "problem"


def test_providers_that_are_not_built_in_are_off_with_advice():
    name = next(n for n, full in PROVIDERS.items() if full not in ort.get_available_providers())
    finding = d.provider(name, has_gpu=False)
    assert (finding.state, finding.found) == ("off", "not in this build of ONNX Runtime")
    assert finding.advice


def test_a_gpu_whose_libraries_do_not_load_is_a_problem():
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        pytest.skip("ONNX Runtime is built without CUDA")
    if d.provider("cuda", has_gpu=True).state == "ok":
        pytest.skip("CUDA runs here")
    assert d.provider("cuda", has_gpu=True).state == "problem"
    assert "drivemeta[gpu]" in d.provider("cuda", has_gpu=True).advice
    assert d.provider("cuda", has_gpu=False).state == "off"


def test_an_onnx_runtime_that_cannot_be_imported_is_a_problem(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    finding = d.provider("cpu", has_gpu=False)
    assert finding.state == "problem"
    assert "cannot be imported" in finding.found


def test_advice_covers_every_provider():
    assert set(d.INSTALL) == set(PROVIDERS)


def test_processors_without_vnni_are_told_what_int8_gains():
    assert "gains less" in d.processor(("avx2",)).advice
    assert not d.processor(("avx2", "avx512_vnni")).advice


def test_gpus_and_missing_libraries():
    assert d.graphics(()).state == "off"
    assert "L4" in d.graphics((Gpu("NVIDIA L4", "550", "23 GiB"),)).found
    assert d.importable("no_such_library", "why").state == "off"


def test_the_table_shows_all(capsys):
    with pytest.raises(SystemExit):
        main(["doctor"])
    assert "ONNX Runtime" in " ".join(capsys.readouterr().err.split())
