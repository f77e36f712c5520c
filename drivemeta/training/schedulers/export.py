"""A recurrent policy as ONNX, its memory going in and out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sb3_contrib import RecurrentPPO
from torch import Tensor

from drivemeta.files import write_bytes

OPSET, IR_VERSION = 17, 8
Arrays = dict[str, NDArray[np.float32]]


def export_policy(model: RecurrentPPO, path: Path, about: dict[str, object]) -> None:
    """Write the acting half of a policy.

    Inputs `observation` (1, n_features), `hidden` and `cell` (1, 1, n_hidden), all float32; outputs
    `logits` (1, n_actions), `hidden_out` and `cell_out`. A stream begins with zeros.

    Args:
        model: Model of one LSTM layer and no layers between it and the actions.
        path: Path of the file.
        about: JSON values kept in the file under `scheduler`.
    """
    state_dict = model.policy.state_dict()
    weights = _lstm_arrays(state_dict, "lstm_actor.")
    heads = {name: _numpy(state_dict[f"action_net.{name}"]) for name in ("weight", "bias")}
    arrays = {**weights, "head_weight": heads["weight"], "head_bias": heads["bias"]}
    made = helper.make_model(_graph(arrays), opset_imports=[helper.make_opsetid("", OPSET)])
    made.ir_version, made.producer_name = IR_VERSION, "drivemeta"
    helper.set_model_props(made, {"scheduler": json.dumps(about, sort_keys=True)})
    onnx.checker.check_model(made)
    write_bytes(path, made.SerializeToString())


def _graph(arrays: Arrays) -> onnx.GraphProto:
    n_features, n_hidden = arrays["W"].shape[2], arrays["R"].shape[2]
    state = [1, 1, n_hidden]
    nodes = [
        helper.make_node("Unsqueeze", ["observation", "axis"], ["sequence"]),
        helper.make_node(
            "LSTM",
            ["sequence", "W", "R", "B", "", "hidden", "cell"],
            ["", "hidden_out", "cell_out"],
            hidden_size=n_hidden,
        ),
        helper.make_node("Squeeze", ["hidden_out", "axis"], ["latent"]),
        helper.make_node("Gemm", ["latent", "head_weight", "head_bias"], ["logits"], transB=1),
    ]
    return helper.make_graph(
        nodes,
        "scheduler",
        [_value("observation", [1, n_features]), _value("hidden", state), _value("cell", state)],
        [
            _value("logits", [1, len(arrays["head_bias"])]),
            _value("hidden_out", state),
            _value("cell_out", state),
        ],
        [
            *(numpy_helper.from_array(array, name) for name, array in arrays.items()),
            numpy_helper.from_array(np.array([0], np.int64), "axis"),
        ],
    )


def _lstm_arrays(state: dict[str, Tensor], prefix: str) -> Arrays:
    """Return one layer's weights with ONNX's order of gates: input, output, forget, cell."""
    kernel, memory = (_reordered(state[f"{prefix}weight_{name}_l0"]) for name in ("ih", "hh"))
    biases = [_reordered(state[f"{prefix}bias_{name}_l0"]) for name in ("ih", "hh")]
    return {"W": kernel[None], "R": memory[None], "B": np.concatenate(biases)[None]}


def _reordered(weight: Tensor) -> NDArray[np.float32]:
    gate_in, forget, cell, out = np.split(_numpy(weight), 4)
    return np.concatenate([gate_in, out, forget, cell])


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().numpy().astype(np.float32)


def _value(name: str, shape: list[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
