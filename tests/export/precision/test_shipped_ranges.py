"""Ranges of activations that ship: whose they are, and int8 by them without a frame."""

import json

import pytest

from drivemeta.errors import ModelFileError
from drivemeta.export.parts import Parts
from drivemeta.export.precision import rewrite
from drivemeta.export.precision.calibration_inputs import Eyes
from drivemeta.export.precision.int8 import ranges_of
from drivemeta.export.precision.rewrite import Change, rewrite_model
from drivemeta.export.precision.shipped_ranges import level1_key, shipped_ranges, write_ranges
from drivemeta.export.probe_scene import draw_scene
from drivemeta.models.store import load_base
from drivemeta.paths import INT8_RANGES
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.int8 import random_networks_allowed


@pytest.fixture
def manifest(tiny_model):
    return read_model_file(tiny_model).manifest


def sized(manifest, height, width):
    rule = manifest.input.model_copy(update={"height": height, "width": width})
    return manifest.model_copy(update={"input": rule})


def test_ranges_are_read_back_for_the_networks_that_they_are_of(manifest, tmp_path):
    path = tmp_path / "ranges.json"
    networks = {
        "level1 384x640": {"a": (-1.234567, 2.0)},
        "level2": {"b": (0.0, 3.0)},
        "things": {},
    }
    write_ranges(path, manifest.digests.weights, {"somewhere": 3}, networks)
    found = shipped_ranges(sized(manifest, 384, 640), path)
    assert found == {"level1": {"a": (-1.2346, 2.0)}, "level2": {"b": (0.0, 3.0)}, "things": {}}
    assert shipped_ranges(sized(manifest, 576, 1024), path) is None
    write_ranges(path, "another", {}, networks)
    assert shipped_ranges(sized(manifest, 384, 640), path) is None


@pytest.mark.parametrize("text", [None, "{", "[]", '{"weights": "a", "networks": {"x": {"y": 1}}}'])
def test_a_damaged_file_is_told(manifest, tmp_path, text):
    path = tmp_path / "ranges.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ModelFileError, match=r"ranges of activations at .*install drivemeta again"):
        shipped_ranges(manifest, path)


def test_what_ships_is_of_the_base_that_ships():
    held = json.loads(INT8_RANGES.read_text(encoding="utf-8"))
    wrong = "python -m tools.base.int8_ranges measures them anew"
    assert held["weights"] == load_base().digest(), wrong
    assert set(held["networks"]) == {"level1 576x1024", "level1 384x640", "level2", "things"}
    assert sum(held["frames"].values()) >= 20
    for ranges in held["networks"].values():
        assert len(ranges) > 20
        assert all(low <= high for low, high in ranges.values())


def test_int8_takes_no_frames_where_ranges_ship(tiny_model, manifest, tmp_path, monkeypatch):
    file = read_model_file(tiny_model)
    parts, frames = Parts.of(file), [draw_scene((96, 160), seed) for seed in range(3)]
    eyes = Eyes(parts)
    networks = {
        name: ranges_of(getattr(parts.networks, stem), eyes.inputs(stem, frames))
        for name, stem in (
            (level1_key(manifest.input.height, manifest.input.width), "level1"),
            ("level2", "level2"),
        )
    }
    path, out = tmp_path / "ranges.json", tmp_path / "int8.onnx"
    write_ranges(path, manifest.digests.weights, {}, {**networks, "things": {}})
    monkeypatch.setattr(rewrite, "shipped_ranges", lambda of: shipped_ranges(of, path))
    with random_networks_allowed():
        report = rewrite_model(tiny_model, out, Change("int8"))
    assert report.agreement.n_frames == 2
    kinds = {node.op_type for node in read_model_file(out).proto.graph.node}
    assert "QuantizeLinear" in kinds


@pytest.mark.slow
@pytest.mark.parametrize("size", [(384, 640), (576, 1024)])
def test_the_shipped_base_becomes_int8_at_once(size, tmp_path):
    from drivemeta.export.exporter import export_detector

    whole, out = tmp_path / "base.onnx", tmp_path / "int8.onnx"
    export_detector(load_base(), whole, input_size=size)
    report = rewrite_model(whole, out, Change("int8"))
    assert report.n_bytes < 0.6 * report.n_bytes_before
