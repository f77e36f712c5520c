"""The networks of a detector on ONNX Runtime, and level 1 run once for each input."""

from __future__ import annotations

import copy
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import GraphProto
from torch import Tensor, nn

from drivemeta.adaptation import observation
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import DenseArrays
from drivemeta.errors import InputError
from drivemeta.export.disassemble import networks_of
from drivemeta.export.exporter import export_detector
from drivemeta.export.graph.assemble import Networks
from drivemeta.export.precision.rewrite import Change, rewrite_model
from drivemeta.files import atomic_path
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import Level2
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.models.traced.networks import level1_graph, level2_graph, things_graph
from drivemeta.models.traced.opset import OPSET
from drivemeta.plugins.detector.protocol import DenseOutput
from drivemeta.runtime.model_file import read_model_file
from drivemeta.teach.networks import RememberingNetworks


class OnnxNetwork(nn.Module):
    """An exported network in the place of the torch one; several times as fast on a CPU.

    It takes as many threads as torch does, so that runs side by side do not slow each other down.
    """

    def __init__(self, graph: GraphProto) -> None:
        super().__init__()
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)])
        model.ir_version = min(model.ir_version, 10)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a shared machine
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
        network: Network that gives boxes, quality and embeddings.
        source: Torch network that it stands for.
        folder: Folder of the outputs from run to run, some 3 MB an image; None for memory.
    """

    def __init__(self, network: nn.Module, source: nn.Module, folder: Path | None) -> None:
        super().__init__()
        self.network = network
        self.source = source
        self._folder = folder
        self._outputs: dict[str, DenseOutput] = {}

    def forward(self, images: Tensor) -> DenseOutput:
        """Return the dense output of level 1."""
        key = hashlib.sha256(images.contiguous().numpy().tobytes()).hexdigest()[:32]
        if self._folder is not None:
            return self._read(self._folder / f"{key}.npz", images)
        if key not in self._outputs:
            self._outputs[key] = DenseOutput(*self.network(images))
        return self._outputs[key]

    def __deepcopy__(self, memo: dict[int, Any]) -> nn.Module:
        return copy.deepcopy(self.source, memo)

    def _read(self, path: Path, images: Tensor) -> DenseOutput:
        if path.is_file():
            with np.load(path, allow_pickle=False) as stored:
                return DenseOutput(
                    *(torch.from_numpy(stored[name]) for name in DenseOutput._fields)
                )
        output = DenseOutput(*self.network(images))
        with atomic_path(path) as partial, partial.open("wb") as file:
            np.savez(file, **{k: v.numpy() for k, v in output._asdict().items()})
        return output


class OnnxLevel2(Level2):
    """Level 2 that runs on ONNX Runtime for as long as nobody trains it or swaps its parameters.

    A learner that copies it gets the torch network, so gradient learners work as ever.

    Args:
        level2: Network in torch.
        graph: The same as ONNX Runtime is to run it, in another precision; traced by default.
    """

    def __init__(self, level2: Level2, graph: GraphProto | None = None) -> None:
        super().__init__(level2.dim)
        self.load_state_dict(level2.state_dict())
        self.eval()
        self._own = tuple(self.parameters())
        self._onnx = (OnnxNetwork(graph or level2_graph(level2)),)  # a tuple: no part of the state

    def forward(self, crops: Tensor) -> Tensor:
        """Map (K, 3, 64, 64) float RGB in [0, 1] to (K, dim) float32, L2-normalised."""
        own = all(a is b for a, b in zip(self.parameters(), self._own, strict=True))
        if torch.is_grad_enabled() or not own or not len(crops):
            return super().forward(crops)
        embeddings = self._onnx[0](crops)
        assert isinstance(embeddings, Tensor)  # one output
        return embeddings

    def __deepcopy__(self, memo: dict[int, Any]) -> Level2:
        plain = Level2(self.dim)
        plain.load_state_dict(copy.deepcopy(self.state_dict(), memo))
        return plain.train(self.training)


def on_onnx_runtime(
    detector: TwoLevelDetector, cache: Path | None, graphs: Networks | None = None
) -> TwoLevelDetector:
    """Return the detector with its networks on ONNX Runtime, level 1 remembered.

    A detector of the user's own runs beside it as it is.

    Args:
        detector: Detector whose networks are exported.
        cache: Folder that keeps level 1's outputs, in a subfolder named by its weights.
        graphs: Its networks in another precision, for inference alone; traced by default.

    Raises:
        InputError: Level 2 is no plain `Level2`, as that of an adapted detector with a branch.
    """
    level2 = detector.level2
    if not isinstance(level2, Level2):
        raise InputError(
            f"expected a base whose level 2 is a Level2, found {type(level2).__name__}"
        )
    level1 = detector.level1
    if detector.has_dense:
        level1 = _remembered(detector, cache, graphs and graphs.level1)
    given = (detector.bank, detector.scoring, detector.input_size, detector.architecture)
    things = None
    if detector.things is not None:
        things = OnnxNetwork((graphs and graphs.things) or things_graph(detector.things))
    seen = OnnxLevel2(level2, graphs and graphs.level2)
    return TwoLevelDetector(level1, seen, *given, things, detector.own).eval()


def in_int8(detector: TwoLevelDetector, cache: Path | None) -> TwoLevelDetector:
    """Return the detector of `on_onnx_runtime` as `--precision int8` writes it.

    Raises:
        InputError: The ranges that ship are of other networks.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole, out = (Path(folder) / f"{name}.onnx" for name in ("whole", "int8"))
        export_detector(detector, whole)
        rewrite_model(whole, out, Change(precision="int8"))
        return on_onnx_runtime(detector, cache, networks_of(read_model_file(out)))


def _remembered(
    detector: TwoLevelDetector, cache: Path | None, graph: GraphProto | None
) -> RememberedLevel1:
    folder = None
    if cache is not None:
        by = digest(detector.level1)
        if graph is not None:
            by = hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest()[:16]
        folder = cache / "level1" / by
        folder.mkdir(parents=True, exist_ok=True)
    network = OnnxNetwork(graph or level1_graph(detector.level1, detector.input_size))
    return RememberedLevel1(network, detector.level1, folder)


class _OwnNetworks(FixedNetworks):
    """Gives adaptation the outputs of a detector of `on_onnx_runtime`, by the networks it has."""

    @torch.no_grad()
    def dense(self, inputs: Tensor) -> DenseArrays:
        """Map one (1, 3, height, width) image of the input size to level 1's output."""
        return DenseArrays(*(part[0].numpy() for part in self._detector.level1(inputs)))

    @torch.no_grad()
    def embed(self, crops: Tensor, *, things: bool = False) -> FloatArray:
        """Map crops to (n, dim) float32 embeddings, as `FixedNetworks.embed`."""
        if not len(crops):
            return np.zeros((0, self._detector.bank.crop.weights.shape[1]), np.float32)
        parts = torch.split(crops, 64)
        return np.concatenate([self._detector.embed(p, things=things).numpy() for p in parts])


class RememberedNetworks(RememberingNetworks, _OwnNetworks):
    """Embeds no crop of a detector twice: draws and learners share most of theirs."""

    most_crops = 200_000


@contextmanager
def remembering() -> Iterator[None]:
    """Let adaptation use `RememberedNetworks` for as long as the context lasts."""
    with patch.object(observation, "FixedNetworks", _remembered_networks):
        yield


@lru_cache(maxsize=2)
def _remembered_networks(detector: TwoLevelDetector) -> RememberedNetworks:
    """Return the networks of a detector, the same ones as before."""
    return RememberedNetworks(detector)


def digest(network: nn.Module) -> str:
    """Return 16 hexadecimal digits of the sha256 over a network's weights."""
    found = hashlib.sha256()
    for value in network.state_dict().values():
        found.update(value.contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
