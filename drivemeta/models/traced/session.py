"""Running a network's graph by itself; torch is not needed."""

from __future__ import annotations

import onnx
import onnxruntime as ort
from onnx import helper

from drivemeta.models.traced.opset import IR_VERSION, OPSET


def session_of(graph: onnx.GraphProto, n_threads: int = 0) -> ort.InferenceSession:
    """Return a CPU session that runs a traced network by itself; 0 threads are all cores."""
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = n_threads
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
