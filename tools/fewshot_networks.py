"""The networks of a detector on ONNX Runtime, run once for each input."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import GraphProto
from torch import Tensor, nn

from drivemeta.export.networks import OPSET, level1_graph, level2_graph
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level1 import DenseOutput


class OnnxNetwork(nn.Module):
    """An exported network in the place of the torch one; several times as fast on a CPU."""

    def __init__(self, graph: GraphProto, threads: int = 0) -> None:
        super().__init__()
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)])
        model.ir_version = min(model.ir_version, 10)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def forward(self, images: Tensor) -> tuple[Tensor, ...] | Tensor:
        """Return the network's outputs; a single one by itself."""
        outputs = self._session.run(None, {"x": images.contiguous().numpy()})
        tensors = tuple(torch.from_numpy(output) for output in outputs)
        return tensors if len(tensors) > 1 else tensors[0]


class RememberedLevel1(nn.Module):
    """Level 1 that runs once for each input, in a folder even once for all runs.

    Args:
        network: gives boxes, quality and embeddings.
        folder: keeps the outputs from run to run, some 3 MB an image; None keeps them in memory.
    """

    def __init__(self, network: nn.Module, folder: Path | None) -> None:
        super().__init__()
        self.network = network
        self._folder = folder
        self._outputs: dict[str, DenseOutput] = {}

    def forward(self, images: Tensor) -> DenseOutput:
        """Return the dense output of level 1."""
        key = hashlib.sha256(images.contiguous().numpy().tobytes()).hexdigest()[:32]
        if key not in self._outputs:
            self._outputs[key] = self._find(key, images)
        return self._outputs[key]

    def _find(self, key: str, images: Tensor) -> DenseOutput:
        path = self._folder / f"{key}.npz" if self._folder else None
        if path is not None and path.is_file():
            with np.load(path) as stored:
                return DenseOutput(
                    *(torch.from_numpy(stored[name]) for name in DenseOutput._fields)
                )
        output = DenseOutput(*self.network(images))
        if path is not None:
            partial = path.with_suffix(".part.npz")
            np.savez(partial, **{k: v.numpy() for k, v in output._asdict().items()})
            partial.replace(path)
        return output


def on_onnx_runtime(detector: TwoLevelDetector, cache: Path | None) -> TwoLevelDetector:
    """Return the detector with level 1 on ONNX Runtime, remembered; level 2 stays trainable.

    Args:
        detector: its networks are exported.
        cache: folder that keeps level 1's outputs, in a subfolder named by its weights.
    """
    folder = None
    if cache is not None:
        folder = cache / _digest(detector.level1)
        folder.mkdir(parents=True, exist_ok=True)
    network = OnnxNetwork(level1_graph(detector.level1, detector.input_size))
    level1 = RememberedLevel1(network, folder)
    given = (detector.level2, detector.bank, detector.scoring, detector.input_size)
    return TwoLevelDetector(level1, *given).eval()


def embedder(detector: TwoLevelDetector) -> OnnxNetwork:
    """Return level 2 on ONNX Runtime."""
    return OnnxNetwork(level2_graph(detector.level2))


def _digest(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for value in network.state_dict().values():
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
