"""What extending a class of the base does to it: shots of another country, scored at home.

    python -m tools.fewshot.extending [--scenes ../shared/data/scenes] [--images 100] [--seed 0]

Each class of the base is extended by the boxes of five frames of another source, as a user would
who knows its name. Both detectors then look at BDD validation images, at their own thresholds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.adaptation.adapt import adapt
from drivemeta.core import ClassBank, Detections
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import DenseArrays, decide, locate
from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.coco import read_coco
from drivemeta.data.readers.files import read_image
from drivemeta.data.support import SupportSet
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import score_detections
from drivemeta.evaluation.inference import EVALUATION_SCORE
from drivemeta.evaluation.operating_point import operating_points
from drivemeta.markdown import table
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.store import load_base
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.models.traced.proposals import to_input
from drivemeta.training.base.sources import load_source, to_dataset

N_FRAMES, LEAST_SIDE = 5, 10.0
FPS = 1 / 60  # so that false alarms a minute are false alarms a frame


@dataclass(frozen=True)
class Extension:
    """A class of the base, and what another source calls it; `*` stands for all categories."""

    name: str
    source: str
    categories: tuple[str, ...]


EXTENSIONS = (
    Extension("vehicle", "kitti", ("Car",)),
    Extension("pedestrian", "kitti", ("Pedestrian",)),
    Extension("cyclist", "kitti", ("Cyclist",)),
    Extension("traffic_light", "lights-asia", ("Green Light", "Red Light")),
    Extension("traffic_sign", "vietnam", ("*",)),
    Extension("red_light", "lights-asia", ("Red Light",)),
    Extension("green_light", "lights-asia", ("Green Light",)),
)


@dataclass(frozen=True)
class Point:
    """How one class does at its threshold; rates in percent.

    Attributes:
        boxes: Reported as the class or a kind of it, a frame.
        others: Reported as anything else, a frame.
        false_alarms: Of the class, a frame.
        precision: At the threshold.
        recall: At the threshold.
        ap50: Of the class, whatever the threshold.
    """

    boxes: float
    others: float
    false_alarms: float
    precision: float
    recall: float
    ap50: float


# Of the super-class, with their decimals.
COLUMNS = {"boxes": 2, "others": 2, "false_alarms": 2, "precision": 1, "recall": 1, "ap50": 1}
HEADER = [
    "extended", "by", "shots", "threshold", "named so", "boxes", "others", "false alarms",
    "precision", "recall", "AP50",
]  # fmt: skip


class Frames:
    """Annotated images that the base's networks looked at once, for any number of banks.

    Args:
        base: Its networks are run.
        truth: Images with every object of the base's super-classes annotated.
    """

    def __init__(self, base: TwoLevelDetector, truth: Dataset) -> None:
        self._base, self._networks, self.truth = base, FixedNetworks(base), truth
        self._dense = [self._look(image.path) for image in truth.images]
        self._embedded: dict[tuple[int, bytes], FloatArray] = {}

    def point(self, bank: ClassBank, name: str) -> Point:
        """Return how a super-class does with a bank."""
        tree, n = ClassTree.of(bank.classes), len(self.truth)
        used = [self._detect(i, bank, bank.thresholds) for i in range(n)]
        least = np.full(len(bank.classes), EVALUATION_SCORE, np.float32)
        ranked = [self._detect(i, bank, least) for i in range(n)]
        at = operating_points(self.truth, used, tree, FPS)[name]
        scores = score_detections(self.truth, ranked, tree).classes
        below = tree.below(name)
        return Point(
            boxes=sum(int(np.isin(found.labels, below).sum()) for found in used) / n,
            others=sum(int((~np.isin(found.labels, below)).sum()) for found in used) / n,
            false_alarms=at["false_alarms_per_minute"],
            precision=100 * (at["precision"] or 0.0),
            recall=100 * (at["recall"] or 0.0),
            ap50=100 * next(score.ap50 or 0.0 for score in scores if score.name == name),
        )

    def counts(self, bank: ClassBank) -> NDArray[np.int64]:
        """Return how many boxes of each class, (n_classes,), are reported in all frames."""
        found = (self._detect(i, bank, bank.thresholds) for i in range(len(self.truth)))
        return np.bincount(np.concatenate([f.labels for f in found]), minlength=len(bank.classes))

    def _look(self, path: Path) -> DenseArrays:
        inputs, _ = to_input(to_tensor(read_image(path)), self._base.input_size)
        return self._networks.dense(inputs)

    def _detect(self, index: int, bank: ClassBank, thresholds: FloatArray) -> Detections:
        image, base = self.truth.images[index], self._base
        size = base.input_size
        located = locate(self._dense[index], bank, base.scoring, image.size, size)

        def embed(boxes: FloatArray, *, things: bool) -> FloatArray:
            return self._embed(index, image.path, boxes, things=things)

        found = decide(located, embed, bank, base.scoring, thresholds)
        return Detections(*found, bank.names)

    def _embed(self, index: int, path: Path, boxes: FloatArray, *, things: bool) -> FloatArray:
        keys = [(index, box.tobytes()) for box in boxes]
        missing = [i for i, key in enumerate(keys) if key not in self._embedded]
        if missing:
            frame = to_tensor(read_image(path))
            crops = self._base.crops(frame, frame.new_tensor(boxes[missing]), things=things)
            embedded = self._networks.embed(crops, things=things)
            for i, row in zip(missing, embedded, strict=True):
                self._embedded[keys[i]] = row
        return np.stack([self._embedded[key] for key in keys])


def support_of(extension: Extension, scenes: Path, n_frames: int, seed: int) -> SupportSet:
    """Return the boxes of a class in some frames of its source, small ones ignored."""
    data = read_coco(scenes / extension.source / "annotations.json").split("train")
    wanted = data.classes if "*" in extension.categories else extension.categories
    data = data.map_classes(dict.fromkeys(wanted, extension.name))
    own = [i for i, image in enumerate(data.images) if _large(image.boxes).any()]
    drawn = np.random.default_rng(seed).permutation(own)[:n_frames]
    kept = data.select(drawn.tolist())
    return SupportSet.of(
        Dataset(
            tuple(image[_large(image.boxes)] for image in kept.images), kept.classes, kept.source
        )
    )


def home_frames(base: TwoLevelDetector, scenes: Path, n_images: int) -> Frames:
    """Return BDD validation frames, drawn at random."""
    images = load_source(scenes, "bdd", "val")
    drawn = np.random.default_rng(0).permutation(len(images))[:n_images]
    return Frames(base, to_dataset([images[i] for i in drawn]))


def row_of(
    base: TwoLevelDetector, frames: Frames, support: SupportSet, extension: Extension, learner: str
) -> list[str]:
    """Return the row of the table of one class that is extended, before / after."""
    banks = base.bank, adapt(base, support, learner).detector.bank
    label = base.bank.index(extension.name)
    spec = base.bank.classes[label]
    points = [frames.point(bank, spec.parent or spec.name) for bank in banks]
    return [
        extension.name,
        extension.source,
        str(sum(support.n_boxes.values())),
        _pair([bank.thresholds[label] for bank in banks], 2),
        _pair([frames.counts(bank)[label] / len(frames.truth) for bank in banks], 2),
        *(_pair([getattr(point, name) for point in points], n) for name, n in COLUMNS.items()),
    ]


def _pair(values: Sequence[float], digits: int) -> str:
    return " / ".join(f"{value:.{digits}f}" for value in values)


def main() -> None:
    """Print the table, before / after."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    # Its rows are as wide as the base's, so that crops are embedded once.
    parser.add_argument("--learner", choices=("protonet", "matching"), default="protonet")
    parser.add_argument("--only", nargs="+", default=[e.name for e in EXTENSIONS])
    arguments = parser.parse_args()
    base = load_base()
    frames = home_frames(base, arguments.scenes, arguments.images)
    chosen = [e for e in EXTENSIONS if e.name in arguments.only]
    found = []
    for extension in chosen:
        support = support_of(extension, arguments.scenes, N_FRAMES, arguments.seed)
        found.append(row_of(base, frames, support, extension, arguments.learner))
    print("\n".join(table(HEADER, found)))


def _large(boxes: FloatArray) -> NDArray[np.bool_]:
    large: NDArray[np.bool_] = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf) >= LEAST_SIDE
    return large


if __name__ == "__main__":
    main()
