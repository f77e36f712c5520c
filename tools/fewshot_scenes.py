"""Scenes whose networks ran once, so that many banks can be scored on them in numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from drivemeta.core import ClassBank, Detections
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import DenseArrays, Located, decide, locate, score_locations
from drivemeta.evaluation.inference import EVALUATION_SCORE, read_bgr
from drivemeta.learn.proposals import to_input
from drivemeta.models.crops import roi_crops, to_tensor
from drivemeta.models.detector import TwoLevelDetector

# Locations kept of each scene: the best by score and by quality. The rule takes the best 600.
N_KEPT = 1200


@dataclass(frozen=True, eq=False)
class Scene:
    """Level 1's output in one image, and the embeddings of crops taken so far."""

    path: Path
    size: tuple[int, int]
    dense: DenseArrays
    embeddings: dict[bytes, FloatArray]


class Scenes:
    """Scores banks on images; level 1 runs once an image, level 2 once a crop.

    Args:
        detector: its networks and constants; the dense rows of a bank may differ from its own.
        level2: embeds crops as the detector's own.
        paths: of the images.
        on_image: called once for each image that level 1 has seen.
    """

    def __init__(
        self,
        detector: TwoLevelDetector,
        level2: nn.Module,
        paths: Sequence[Path],
        on_image: Callable[[], object] = lambda: None,
    ) -> None:
        self._detector = detector
        self._level2 = level2
        self._located: dict[tuple[int, bytes], Located] = {}
        self._scenes = []
        for path in paths:
            self._scenes.append(self._look(path))
            on_image()

    def detect(self, bank: ClassBank, index: int) -> Detections:
        """Return what the detector finds in one image with another bank, as in evaluation."""
        scene, scoring = self._scenes[index], self._detector.scoring
        key = (index, bank.dense.weights.tobytes() + bank.dense.biases.tobytes())
        if key not in self._located:
            size = self._detector.input_size
            self._located[key] = locate(scene.dense, bank, scoring, scene.size, size)
        thresholds = np.full(len(bank.classes), EVALUATION_SCORE, np.float32)
        boxes, scores, labels = decide(
            self._located[key], lambda boxes: self._embed(scene, boxes), bank, scoring, thresholds
        )
        return Detections(boxes, scores, labels, bank.names)

    @torch.no_grad()
    def _look(self, path: Path) -> Scene:
        image = read_bgr(path)
        inputs, _ = to_input(to_tensor(image), self._detector.input_size)
        output = self._detector.level1(inputs)
        dense = DenseArrays(*(part[0].numpy() for part in output))
        scores, _ = score_locations(dense, self._detector.bank.dense, self._detector.scoring)
        kept = np.union1d(np.argsort(-scores)[:N_KEPT], np.argsort(-dense.quality)[:N_KEPT])
        dense = DenseArrays(dense.boxes[kept], dense.quality[kept], dense.embeddings[kept])
        return Scene(path, (image.shape[0], image.shape[1]), dense, {})

    @torch.no_grad()
    def _embed(self, scene: Scene, boxes: FloatArray) -> FloatArray:
        missing = [i for i, box in enumerate(boxes) if box.tobytes() not in scene.embeddings]
        if missing:
            crops = _crops(scene.path, boxes[missing], self._detector.scoring.context)
            for i, embedding in zip(missing, self._level2(crops).numpy(), strict=True):
                scene.embeddings[boxes[i].tobytes()] = embedding
        return np.stack([scene.embeddings[box.tobytes()] for box in boxes])


def _crops(path: Path, boxes: NDArray[np.float32], context: float) -> Tensor:
    return roi_crops(to_tensor(read_bgr(path)), torch.from_numpy(boxes), context)
