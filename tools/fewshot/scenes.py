"""Scenes whose networks ran once, so that many banks can be scored on them in numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.core import ClassBank, Detections
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import DenseArrays, Located, decide, locate, score_locations
from drivemeta.core.scoring import Scoring
from drivemeta.data.readers.files import read_image
from drivemeta.evaluation.inference import EVALUATION_SCORE
from drivemeta.files import atomic_path
from drivemeta.models.crops import roi_crops, to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.proposals import dense_of

# Locations kept of each scene: the best by score and by quality. The rule takes the best 600.
N_KEPT = 1200


@dataclass(frozen=True, eq=False)
class Scene:
    """Level 1's output in one image.

    Attributes:
        path: Image file.
        size: Height and width in pixels.
        dense: Output of level 1 at its best locations only.
    """

    path: Path
    size: tuple[int, int]
    dense: DenseArrays


class KeptArrays:
    """Arrays of images, kept in a folder from run to run.

    Args:
        folder: Folder; the images' names tell them apart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, image: Path) -> dict[str, NDArray[Any]] | None:
        """Return the arrays of an image, None if none are kept."""
        path = self._folder / f"{image.stem}.npz"
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    def write(self, image: Path, **arrays: Any) -> None:
        """Keep the arrays of an image in the place of those there were."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self._folder / f"{image.stem}.npz") as part, part.open("wb") as file:
            np.savez(file, **arrays)


class Embedding(Protocol):
    """Level 2 of scenes."""

    def __call__(self, scene: Scene, boxes: FloatArray, *, things: bool) -> FloatArray:
        """Map (n, 4) boxes in frame pixels of a scene to (n, dim) L2-normalised vectors."""


class CropEmbedding:
    """Embeds boxes by networks that see their crops; each crop once.

    Args:
        cut: Function that cuts (n, 4) boxes out of a (3, height, width) frame, as
            `TwoLevelDetector.crops`.
        embed: Function from crops to (n, dim) embeddings, as `TwoLevelDetector.embed`.
        folder: Folder that keeps what was embedded from run to run, of these networks alone.
    """

    def __init__(
        self,
        cut: Callable[..., Tensor],
        embed: Callable[..., Tensor],
        folder: Path | None = None,
    ) -> None:
        self._cut, self._embed = cut, embed
        self._kept = None if folder is None else KeptArrays(folder)
        self._found: dict[Path, dict[bytes, FloatArray]] = {}

    @torch.no_grad()
    def __call__(self, scene: Scene, boxes: FloatArray, *, things: bool) -> FloatArray:
        """Return the (n, dim) embeddings of (n, 4) boxes."""
        known = self._known(scene.path)
        keys = [box.tobytes() + bytes([things]) for box in boxes]
        missing = [i for i, key in enumerate(keys) if key not in known]
        if missing:
            frame = to_tensor(read_image(scene.path))
            crops = self._cut(frame, torch.from_numpy(boxes[missing]), things=things)
            embedded = self._embed(crops, things=things).numpy()
            known.update(zip((keys[i] for i in missing), embedded, strict=True))
            if self._kept is not None:
                self._kept.write(
                    scene.path,
                    keys=np.array([list(key) for key in known], np.uint8),
                    embeddings=np.stack(list(known.values())),
                )
        return np.stack([known[key] for key in keys])

    def _known(self, path: Path) -> dict[bytes, FloatArray]:
        """Return the embeddings of one image by the bytes of their boxes and of `things`."""
        if path not in self._found:
            kept = None if self._kept is None else self._kept.read(path)
            pairs = () if kept is None else zip(kept["keys"], kept["embeddings"], strict=True)
            self._found[path] = {key.tobytes(): embedding for key, embedding in pairs}
        return self._found[path]


def embedding_of(network: Callable[[Tensor], Tensor], context: float) -> CropEmbedding:
    """Return the embedding of all boxes by one network that sees 64 x 64 pixels.

    Args:
        network: Map from (n, 3, 64, 64) float RGB in [0, 1] to (n, dim).
        context: Factor by which boxes are enlarged before they are cut out.
    """

    def cut(frame: Tensor, boxes: Tensor, *, things: bool) -> Tensor:  # noqa: ARG001
        return roi_crops(frame, boxes, context)

    def embed(crops: Tensor, *, things: bool) -> Tensor:  # noqa: ARG001
        return network(crops)

    return CropEmbedding(cut, embed)


class Scenes:
    """Scores banks on images; level 1 runs once an image, when it is first asked for.

    Args:
        detector: Detector that scores; the dense rows of a bank may differ from its own.
        paths: Image files.
        embedding: Embedding of the boxes of level 1; the detector's level 2 if None.
        folder: Folder that keeps level 1's best locations from run to run, of this base alone.
    """

    def __init__(
        self,
        detector: TwoLevelDetector,
        paths: Sequence[Path],
        embedding: Embedding | None = None,
        folder: Path | None = None,
    ) -> None:
        self.detector = detector
        self._kept = None if folder is None else KeptArrays(folder)
        self.paths = tuple(paths)
        self._embedding = embedding or CropEmbedding(detector.crops, detector.embed)
        self._scenes: dict[int, Scene] = {}
        self._located: dict[tuple[int, bytes], Located] = {}

    def with_embedding(self, embedding: Embedding) -> Scenes:
        """Return the same scenes, named by another embedding."""
        other = Scenes(self.detector, self.paths, embedding)
        other._scenes, other._located = self._scenes, self._located
        return other

    def detect(self, bank: ClassBank, index: int, scoring: Scoring | None = None) -> Detections:
        """Return what the detector finds in one image with another bank, as in evaluation."""
        scene = self.scene(index)
        thresholds = np.full(len(bank.classes), EVALUATION_SCORE, np.float32)
        boxes, scores, labels = decide(
            self.locate(bank, index),
            partial(self._embedding, scene),
            bank,
            scoring or self.detector.scoring,
            thresholds,
        )
        return Detections(boxes, scores, labels, tuple(spec.name for spec in bank.classes))

    def locate(self, bank: ClassBank, index: int) -> Located:
        """Return the boxes of level 1 in one image by the dense rows of a bank."""
        key = (index, bank.dense.weights.tobytes() + bank.dense.biases.tobytes())
        if key not in self._located:
            scene, size = self.scene(index), self.detector.input_size
            self._located[key] = locate(scene.dense, bank, self.detector.scoring, scene.size, size)
        return self._located[key]

    @torch.no_grad()
    def scene(self, index: int) -> Scene:
        """Return what level 1 says of one image."""
        if index not in self._scenes:
            self._scenes[index] = self._read(self.paths[index])
        return self._scenes[index]

    def _read(self, path: Path) -> Scene:
        """Return what is kept of an image, or look at it."""
        kept = None if self._kept is None else self._kept.read(path)
        if kept is not None:
            dense = DenseArrays(kept["boxes"], kept["quality"], kept["embeddings"])
            return Scene(path, (int(kept["size"][0]), int(kept["size"][1])), dense)
        scene = self._look(path)
        if self._kept is not None:
            self._kept.write(path, size=np.array(scene.size), **vars(scene.dense))
        return scene

    def _look(self, path: Path) -> Scene:
        image = read_image(path)
        dense = dense_of(self.detector, image)
        scores, _ = score_locations(dense, self.detector.bank.dense, self.detector.scoring)
        kept = np.union1d(np.argsort(-scores)[:N_KEPT], np.argsort(-self._quality(dense))[:N_KEPT])
        dense = DenseArrays(dense.boxes[kept], dense.quality[kept], dense.embeddings[kept])
        return Scene(path, (image.shape[0], image.shape[1]), dense)

    def _quality(self, dense: DenseArrays) -> FloatArray:
        """Return the quality of level 1's places; those of the user's own come last."""
        if self.detector.own is None:
            return dense.quality
        return np.where(self.detector.own.found(dense), -np.inf, dense.quality).astype(np.float32)


def with_scale(scoring: Scoring, crop_scale: float) -> Scoring:
    """Return the constants with another inverse temperature of the names."""
    return replace(scoring, crop_scale=crop_scale)
