"""The two networks as ONNX graphs, each by itself."""

from __future__ import annotations

import copy
import tempfile
import warnings
from pathlib import Path

import onnx
import onnxruntime as ort
import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from drivemeta.models.level2 import CROP_SIZE
from drivemeta.models.things import THING_CROP_SIZE
from drivemeta.models.traced.cache import cached_graph, trace_key
from drivemeta.models.traced.opset import OPSET


def level1_graph(network: nn.Module, input_size: tuple[int, int]) -> onnx.GraphProto:
    """Export level 1: images (n, 3, h, w) to boxes, quality and embeddings, n dynamic."""
    example = torch.zeros(1, 3, *input_size)
    return _export("level1", network, example, ["boxes", "quality", "embeddings"])


def level2_graph(network: nn.Module) -> onnx.GraphProto:
    """Export level 2: crops (n, 3, 64, 64) to embeddings (n, dim), n dynamic."""
    return _export("level2", network, torch.zeros(1, 3, CROP_SIZE, CROP_SIZE), ["embeddings"])


def things_graph(network: nn.Module) -> onnx.GraphProto:
    """Export the embedding of things: crops (n, 3, size, size) to (n, 128), n dynamic."""
    example = torch.zeros(1, 3, THING_CROP_SIZE, THING_CROP_SIZE)
    return _export("things", network, example, ["embeddings"])


def trunk_graph(
    network: nn.Module, input_size: tuple[int, int], outputs: list[str]
) -> onnx.GraphProto:
    """Export part of a backbone: images (n, 3, h, w) to feature maps, n dynamic."""
    return _export("trunk", network, torch.zeros(1, 3, *input_size), outputs)


def fuse_batch_norms(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode whose convolutions absorb the normalisation behind them."""
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _fuse_sequence(module)
    return network


def _fuse_sequence(sequence: nn.Sequential) -> None:
    layers: list[nn.Module] = []
    for layer in sequence:
        if isinstance(layer, nn.BatchNorm2d) and layers and isinstance(layers[-1], nn.Conv2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
        else:
            layers.append(layer)
    del sequence[:]
    sequence.extend(layers)


def _export(
    name: str, network: nn.Module, example: torch.Tensor, outputs: list[str]
) -> onnx.GraphProto:
    """Return the graph of a network, traced now or before."""
    key = trace_key(network, name, tuple(example.shape), outputs, OPSET)
    return cached_graph(key, lambda: _trace(name, network, example, outputs))


def _trace(
    name: str, network: nn.Module, example: torch.Tensor, outputs: list[str]
) -> onnx.GraphProto:
    """Trace a network whose first axis is the batch.

    The TorchScript exporter is used because it takes 2 seconds where the dynamo one takes 20, and
    adaptation on a laptop waits for it; the graphs run equally fast.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        torch.no_grad(),
        warnings.catch_warnings(),
    ):
        path = Path(folder) / "traced.onnx"
        warnings.simplefilter("ignore")  # its deprecation and notes on traced Python values
        torch.onnx.export(
            fuse_batch_norms(network),
            (example,),
            path,
            input_names=["x"],
            output_names=outputs,
            dynamic_axes={key: {0: "n"} for key in ["x", *outputs]},
            opset_version=OPSET,
            do_constant_folding=False,
            dynamo=False,
        )
        graph = _simplify(path)
    graph.name = name
    return graph


def _simplify(traced: Path) -> onnx.GraphProto:
    """Fold constants by ONNX Runtime's basic level, which keeps to standard operators."""
    simplified = traced.with_name("simplified.onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(simplified)
    ort.InferenceSession(str(traced), options, providers=["CPUExecutionProvider"])
    return onnx.load(simplified).graph
