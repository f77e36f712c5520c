"""The bench: turns, ratios, peers of other makers, and where the time goes."""

import json
from itertools import islice

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from drivemeta.bench import measure as b
from drivemeta.bench.frames import drawn_frames, of_size, read_frames
from drivemeta.bench.peer import peer_contenders
from drivemeta.bench.profile import (
    LEVEL1,
    LEVEL2,
    RESIZE,
    SUPPRESS,
    parts_of_graph,
    profile_model,
)
from drivemeta.cli.main import main
from drivemeta.errors import InputError, ModelFileError
from drivemeta.plugins import default_registry
from drivemeta.runtime.model_file import read_model_file


def peer(path, shape=("n", 3, 64, 96), dtype=TensorProto.FLOAT, extra=()):
    """Write a model that averages its images."""
    node = helper.make_node("ReduceMean", ["f"], ["y"], keepdims=0)
    cast = helper.make_node("Cast", ["images"], ["f"], to=TensorProto.FLOAT)
    inputs = [helper.make_tensor_value_info("images", dtype, shape), *extra]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([cast, node], "peer", inputs, [out])
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


def test_contenders_take_turns():
    order = []
    setting = b.Setting("m.onnx")
    made = [
        b.Contender(name, setting, "cpu", "fp32", "1x1", lambda name=name: order.append(name))
        for name in "ab"
    ]
    b.measure(made, rounds=2, warmup=1)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [len(c.seconds) for c in made] == [2, 2]


def test_ratios_are_medians_over_rounds_of_one_run():
    one, two = b.Setting("one.onnx"), b.Setting("two.onnx")

    def contender(what, setting, *seconds):
        return b.Contender(what, setting, "cpu", "fp32", "1x1", lambda: None, list(seconds))

    made = [
        contender(b.BARE, one, 1.0, 2.0, 4.0),
        contender(b.OURS, one, 1.1, 2.2, 8.0),
        contender(b.BARE, two, 0.5, 1.0, 1.0),
    ]
    rows = b.summarise(made, (720, 1280))
    assert [row.ratio for row in rows] == [1.0, 1.1, 1.0]
    assert rows[0].median_ms == 2000
    assert rows[0].frames_per_s == 0.5
    assert b.speed_up(rows, made) == {"two.onnx, cpu, batch 1, threads auto": 2.0}


def test_a_model_is_measured_beside_its_bare_session(tiny_model):
    frames = drawn_frames(2, (90, 160))
    made = b.contenders_of(b.Setting(tiny_model, batch=2, threads=1), frames)
    b.measure(made, rounds=3, warmup=1)
    rows = b.summarise(made, (90, 160))
    assert [row.what for row in rows] == [b.BARE, b.OURS]
    assert all(row.median_ms > 0 and row.rounds == 3 for row in rows)
    assert {row.input_size for row in rows} == {"128x192"}


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        (("n", 3, 64, 96), TensorProto.FLOAT),
        ((2, 3, "h", "w"), TensorProto.FLOAT16),
        (("n", "h", "w", 3), TensorProto.UINT8),
    ],
)
def test_peers_of_several_makes_run(tmp_path, shape, dtype):
    size = helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, ["n", 2])
    path = peer(tmp_path / "peer.onnx", shape, dtype, [size])
    made = peer_contenders(b.Setting(path, batch=2), drawn_frames(2, (90, 160)), (64, 96))
    b.measure(made, rounds=1, warmup=0)
    assert [c.input_size for c in made] == ["64x96"] * 2
    (mean,) = made[0].run()
    if dtype != TensorProto.UINT8:
        assert 0 < mean < 1


@pytest.mark.parametrize(
    ("shape", "extra", "message"),
    [
        (("n", 4), [], "expected one input of images"),
        (
            ("n", 3, 8, 8),
            [helper.make_tensor_value_info("other", TensorProto.FLOAT, [7])],
            "what to feed to input 'other'",
        ),
        ((3, 3, 8, 8), [], "batches of 3 only"),
    ],
)
def test_a_peer_that_is_not_understood_is_refused(tmp_path, shape, extra, message):
    path = peer(tmp_path / "peer.onnx", shape, extra=extra)
    with pytest.raises(InputError, match=message):
        peer_contenders(b.Setting(path), drawn_frames(1, (90, 160)), None)


def test_a_peer_that_is_not_there(tmp_path):
    with pytest.raises(ModelFileError, match=r"cannot read the peer .*none\.onnx"):
        peer_contenders(b.Setting(tmp_path / "none.onnx"), drawn_frames(1, (9, 9)), None)


def test_the_profile_finds_every_part(tiny_model):
    parts = profile_model(tiny_model, drawn_frames(1, (90, 160)), threads=1, runs=2)
    assert {LEVEL1, LEVEL2, RESIZE, SUPPRESS} <= set(parts)
    assert all(ms >= 0 for ms in parts.values())


def test_parts_begin_in_the_order_of_the_graph(tiny_model):
    numbers = [n for n, _ in parts_of_graph(read_model_file(tiny_model).proto.graph)]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 4


def test_frames_are_spread_over_a_folder(tmp_path):
    import cv2

    for i in range(11):
        cv2.imwrite(str(tmp_path / f"{i:02}.png"), np.full((8, 8, 3), i, np.uint8))
    assert [int(f[0, 0, 0]) for f in read_frames(tmp_path, 3)] == pytest.approx([0, 5, 10], abs=1)
    assert len(read_frames(tmp_path, 50)) == 11


def test_frames_of_a_live_source_are_its_first(monkeypatch):
    def endless(place, registry):
        words = {"seed": place, "n_frames": None, "height": 96, "width": 160}
        return default_registry().create("source", "synthetic", **words)

    monkeypatch.setattr("drivemeta.bench.frames.open_source", endless)
    first = [frame.image for frame in islice(endless(1, None), 2)]
    np.testing.assert_array_equal(read_frames(1, 2), first)


def test_frames_are_brought_to_one_size():
    frames = of_size([*drawn_frames(1, (90, 160)), *drawn_frames(1, (45, 80))], (90, 160))
    assert b.check_frames(frames, 2) == (90, 160)
    with pytest.raises(InputError, match="of one size"):
        b.check_frames([*drawn_frames(1, (90, 160)), *drawn_frames(1, (45, 80))], 2)


def test_the_command_prints_a_table_and_json(tiny_model, tmp_path, capsys):
    path = peer(tmp_path / "peer.onnx")
    words = [tiny_model, tiny_model, "--peer", path, "--frame-size", "90x160", "--rounds", "2"]
    with pytest.raises(SystemExit) as done:
        main(["bench", *map(str, words), "--warmup", "1", "--threads", "1", "--parts", "--json"])
    assert not done.value.code
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert len(report["rows"]) == 6
    assert report["rows"][0]["frame_size"] == "90x160"
    assert report["parts_ms"][str(tiny_model)][LEVEL1] > 0
    assert "ratio" in err
