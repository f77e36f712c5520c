import threading
import time
from concurrent.futures import ThreadPoolExecutor

import onnx
import torch
from onnx import helper

from drivemeta.models.traced.cache import cached_graph, trace_key


def make_graph(name="made"):
    node = helper.make_node("Relu", ["x"], ["y"])
    return helper.make_graph([node], name, [], [helper.make_empty_tensor_value_info("y")])


def refuse() -> onnx.GraphProto:
    raise AssertionError("made again")


def test_a_graph_is_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = cached_graph("k" * 64, make_graph)
    assert cached_graph("k" * 64, refuse) == made
    assert cached_graph("o" * 64, lambda: make_graph("other")).name == "other"


def test_a_damaged_file_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached_graph("k" * 64, make_graph)
    (file,) = tmp_path.rglob("*.onnx")
    file.write_bytes(b"")
    assert cached_graph("k" * 64, lambda: make_graph("again")).name == "again"


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cached_graph("k" * 64, make_graph).name == "made"


def test_threads_trace_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    at_once, most, barrier = [], [], threading.Barrier(4)

    def make():
        at_once.append(1)
        most.append(len(at_once))
        time.sleep(0.02)
        at_once.pop()
        return make_graph()

    def ask(key):
        barrier.wait(5)
        return cached_graph(key * 64, make).name

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, "aabc")) == {"made"}
    assert most == [1, 1, 1]  # and what two of them want is made once


def test_the_key_follows_weights_layers_and_settings():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    keys = {trace_key(network, 64), trace_key(network, 128)}
    with torch.no_grad():
        network[0].weight += 1
    keys.add(trace_key(network, 64))
    network[0].stride = (2, 2)
    keys.add(trace_key(network, 64))
    assert len(keys) == 4
    assert trace_key(network, 64) in keys
