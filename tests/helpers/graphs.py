"""A part of a graph as a session of its own."""

import onnxruntime as ort
from onnx import helper


def session(g, inputs, outputs):
    """Return a function of named inputs that runs what a builder holds.

    Args:
        g: Graph builder.
        inputs: ONNX types of the inputs by name.
        outputs: Names of the values wanted.
    """
    infos = [helper.make_tensor_value_info(name, kind, None) for name, kind in inputs.items()]
    wanted = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = g.graph("stage", infos, wanted)
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    made = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda **feeds: made.run(None, feeds)
