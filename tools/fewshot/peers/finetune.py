"""Peers that fine-tune level 1 on the shots: its last layers, or all of it.

After Wang et al., "Frustratingly Simple Few-Shot Object Detection", 2020, arXiv 2003.06957: novel
classes get rows of their own under the cosine classifier, beside those of the base, and are trained
on the shots with the feature extractor frozen (`head`: rows and box regression) or not (`all`).
Different from it: no base shots are replayed, since the support frames annotate none; what the
base finds in a crop, other than the shots, stands for them. Novel rows start as copies of their
super-class's, whose own row then goes: embeddings of level 1 lie so close together that random
rows fire everywhere, and that the super-class's row would win at every object.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from drivemeta.core import BankRows, ClassBank, ClassSpec, Detections
from drivemeta.core.boxes import FloatArray, iou_matrix
from drivemeta.core.score_rule import locate
from drivemeta.data.readers.files import read_image
from drivemeta.data.support import SupportSet
from drivemeta.evaluation.classes import ClassTree
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level1 import Level1
from drivemeta.models.traced.proposals import propose, to_input
from drivemeta.training.base.level1_loss import ClassCosines, Targets, detector_loss
from drivemeta.training.base.sources import COMPLETE
from tools.fewshot.networks import digest
from tools.fewshot.peers.interface import Finder
from tools.fewshot.peers.parts import LastLayers, Part, Seen, Whole
from tools.fewshot.scenes import Scenes

CROP = 192
BATCH = 6
PSEUDO_SCORE = 0.3


class FineTuning:
    """Fine-tunes level 1 on crops round the shots.

    Args:
        part: `head` trains rows and the last layers of box regression; `all` trains all.
        steps: Number of steps of AdamW; like the learning rate a first guess, not tuned.
        learning_rate: Learning rate of the layers of level 1; rows learn ten times as fast.
        n_kept: Greatest number of images whose maps `head` keeps, some 20 MB each.
    """

    def __init__(
        self, part: str, steps: int, learning_rate: float, n_kept: float = math.inf
    ) -> None:
        self.name = f"fine-tuned {'head' if part == 'head' else 'level 1'}"
        trained = "class rows and box regression of level 1" if part == "head" else "all of level 1"
        self.summary = f"{trained} fine-tuned on crops round the shots, {steps} steps"
        self.parameters: dict[str, Any] = {
            "part": part,
            "steps": steps,
            "learning_rate": learning_rate,
            "version": 4,
        }
        self.slow = part == "all"
        self._part, self._steps, self._rate = part, steps, learning_rate
        self._n_kept = n_kept
        self._seen: dict[str, Seen] = {}

    def learn(self, detector: TwoLevelDetector, support: SupportSet, parent: str) -> Finder:
        """Train a copy of level 1 and rows for all classes."""
        torch.manual_seed(0)
        level1 = copy.deepcopy(torch_level1(detector)).eval()
        crops, targets = shot_crops(detector, support, parent)
        rows = rows_of(detector, len(support.classes), parent)
        part: Part
        if self._part == "all":
            part = Whole(level1, crops)
        else:
            seen = self._seen.setdefault(digest(level1), {})
            part = LastLayers(level1, crops, seen, self._n_kept)
        self._train(part, rows, targets)
        part.finish(detector.input_size)
        return FineTunedFinder(part, detector, bank_of(detector, rows, support.classes, parent))

    def _train(self, part: Part, rows: ClassCosines, targets: list[Targets]) -> None:
        groups = [
            {"params": part.trained, "lr": self._rate},
            {"params": [rows.weights, rows.biases], "lr": 10 * self._rate},
        ]
        optimiser = torch.optim.AdamW(groups, weight_decay=1e-4, fused=True)
        for step, batch in enumerate(batches(len(targets), self._steps)):
            decay = 0.5 * (1 + math.cos(math.pi * step / self._steps))
            for group, rate in zip(optimiser.param_groups, (1, 10), strict=True):
                group["lr"] = self._rate * rate * decay
            output = part.predict(batch)
            known = [targets[i] for i in batch]
            loss = detector_loss(output, rows(output.embeddings), known, (CROP, CROP))
            optimiser.zero_grad()
            total = torch.stack(list(loss.values())).sum()
            total.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(part.trained, 5.0)
            optimiser.step()


class FineTunedFinder:
    """Finds by a fine-tuned level 1: a box carries the class of its best row."""

    def __init__(self, part: Part, detector: TwoLevelDetector, bank: ClassBank) -> None:
        self._look, self._bank = part.look, bank
        self._scoring, self._size = detector.scoring, detector.input_size

    @property
    def tree(self) -> ClassTree:
        """Return the super-classes and the classes learnt."""
        return ClassTree.of(self._bank.classes)

    def detect(self, scenes: Scenes, index: int) -> Detections:
        """Return what is found in one image."""
        size, dense = self._look(scenes.paths[index])
        found = locate(dense, self._bank, self._scoring, size, self._size)
        return Detections(found.boxes, found.scores, found.labels, self._bank.names)


def bank_of(
    detector: TwoLevelDetector, rows: ClassCosines, names: tuple[str, ...], parent: str
) -> ClassBank:
    """Return the trained rows as a bank of the super-classes and new leaves in place of one."""
    supers = tuple(spec for spec in detector.bank.classes if spec.parent is None)
    novel = tuple(ClassSpec(name, parent, "novel") for name in names)
    root = detector.bank.index(parent)
    owners = np.concatenate([detector.bank.dense.owners, len(supers) + np.arange(len(names))])
    roots = np.concatenate([detector.bank.dense.roots, np.full(len(names), root)])
    weights, biases = rows.as_numpy()
    kept = owners != root
    dense = BankRows(weights[kept], biases[kept], owners[kept], roots[kept])
    return ClassBank(supers + novel, dense, BankRows.empty(1))


def torch_level1(detector: TwoLevelDetector) -> Level1:
    """Return the torch network of level 1, also of a detector on ONNX Runtime."""
    found = getattr(detector.level1, "source", detector.level1)
    if not isinstance(found, Level1):
        raise TypeError(f"expected level 1 as a torch network, found {type(found).__name__}")
    return found


def rows_of(detector: TwoLevelDetector, n_novel: int, parent: str) -> ClassCosines:
    """Return trainable rows: those of the base, then new ones like their super-class's."""
    dense = detector.bank.dense
    like = [*range(len(dense)), *[base_row(detector, detector.bank.index(parent))] * n_novel]
    rows = ClassCosines(len(like), dense.weights.shape[1], detector.scoring.dense_scale)
    rows.log_scale.requires_grad_(False)  # the score rule's own constant
    with torch.no_grad():
        rows.weights[:] = torch.from_numpy(dense.weights[like])
        rows.biases[:] = torch.from_numpy(dense.biases[like])
    return rows


def base_row(detector: TwoLevelDetector, label: int) -> int:
    """Return the first dense row of a class of the base."""
    return int(np.flatnonzero(detector.bank.dense.owners == label)[0])


def shot_crops(
    detector: TwoLevelDetector, support: SupportSet, parent: str
) -> tuple[list[Tensor], list[Targets]]:
    """Cut a square round each shot, twice, out of level 1's input, with what is known there.

    What the base finds of the shots' super-class is ignored: it may be of a novel class.
    """
    n_base = len(detector.bank.dense)
    coverage = torch.tensor([COMPLETE] * (n_base + len(support.classes)))
    rng = np.random.default_rng(0)
    crops, targets = [], []
    for item in support.images:
        image = read_image(item.path)
        inputs, letterbox = to_input(to_tensor(image), detector.input_size)
        found, rows = base_objects(detector, image, item.boxes)
        boxes = torch.from_numpy(letterbox.to_input(np.concatenate([item.boxes, found]))).float()
        labels = torch.from_numpy(np.concatenate([item.labels + n_base, rows]))
        unsure = rows == base_row(detector, detector.bank.index(parent))
        ignored = torch.from_numpy(np.concatenate([item.ignore, unsure]))
        shots = boxes[: len(item.boxes)][torch.from_numpy(~item.ignore)]
        for box in shots.repeat(2, 1):
            x, y = _corner(box, detector.input_size, rng)
            own = boxes - torch.tensor([x, y, x, y])
            centres = (own[:, :2] + own[:, 2:]) / 2
            seen = ((centres > 0) & (centres < CROP)).all(1)
            crops.append(inputs[0, :, y : y + CROP, x : x + CROP].contiguous())
            kept = seen & ~ignored
            targets.append(Targets(own[kept], labels[kept], own[seen & ignored], coverage))
    return crops, targets


def base_objects(
    detector: TwoLevelDetector, image: NDArray[np.uint8], annotated: FloatArray
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return the boxes that the base is sure of, away from annotated ones, and their rows."""
    found = propose(detector, image, PSEUDO_SCORE)
    overlaps = iou_matrix(found.boxes, annotated).max(1, initial=0)
    away = overlaps < detector.scoring.nms_iou
    rows = np.array([base_row(detector, int(label)) for label in found.labels[away]], np.int64)
    return found.boxes[away], rows


def batches(n_crops: int, n_steps: int) -> Iterator[list[int]]:
    """Yield the indices of each step's crops: every crop once before any again."""
    rng = np.random.default_rng(0)
    waiting: list[int] = []
    for _ in range(n_steps):
        while len(waiting) < min(BATCH, n_crops):
            waiting += rng.permutation(n_crops).tolist()
        yield waiting[:BATCH]
        waiting = waiting[BATCH:]


def _corner(box: Tensor, size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Return the left and top of a crop that holds the box's centre somewhere in its middle."""
    centre = ((box[:2] + box[2:]) / 2).numpy()
    shift = rng.uniform(-0.25, 0.25, 2) * CROP
    limits = np.array([size[1] - CROP, size[0] - CROP])
    x, y = np.clip(np.round(centre - CROP / 2 + shift), 0, limits).astype(int)
    return int(x), int(y)
