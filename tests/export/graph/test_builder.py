import numpy as np
import onnxruntime as ort
import pytest
from onnx import helper

from drivemeta.export.graph.builder import GraphBuilder


def run(g, outputs, **inputs):
    infos = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in inputs.items()
    ]
    wanted = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = g.graph("test", infos, wanted)
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def test_numbers_lists_and_arrays_become_constants():
    g = GraphBuilder()
    total = g.Add(g.Mul("x", 2.0), np.array([1, 2], np.float32))
    shape = g.Concat(g.Shape(total), [7], axis=0)
    x = np.array([3, 4], np.float32)
    found, sizes = run(g, [total, shape], x=x)
    assert found.tolist() == [7, 10]
    assert sizes.tolist() == [2, 7]


def test_a_graph_is_inlined_twice_without_mixing_its_names():
    inner = GraphBuilder()
    out = inner.Add(inner.Mul("x", 3.0), 1.0)
    graph = inner.graph("inner", [], [helper.make_empty_tensor_value_info(out)])
    g = GraphBuilder()
    (once,) = g.inline(graph, {"x": "x"})
    (twice,) = g.inline(graph, {"x": once})
    (found,) = run(g, [twice], x=np.ones(1, np.float32))
    assert found.tolist() == [13]


def test_an_unknown_attribute_is_no_operator():
    with pytest.raises(AttributeError):
        _ = GraphBuilder().no_such_method
