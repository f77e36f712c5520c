"""COCO AP of detections, per class and for base and novel classes.

Lin et al., "Microsoft COCO: Common Objects in Context", 2014, arXiv 1405.0312. A super-class is
scored with its leaves rolled up: whatever is named or annotated as a leaf counts for it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from drivemeta.core import Detections
from drivemeta.core.boxes import FloatArray, xyxy_to_xywh
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.evaluation.classes import ClassTree

_MOST_PER_IMAGE = 100


@dataclass(frozen=True)
class ClassScore:
    """The score of one class; `ap` and `ap50` are None where there is nothing to find."""

    name: str
    origin: str
    ap: float | None
    ap50: float | None
    n_boxes: int


@dataclass(frozen=True)
class DetectionScores:
    """The scores of all classes that the data has."""

    classes: tuple[ClassScore, ...]
    n_images: int

    def ap50(self, origin: str | None = None) -> float | None:
        """Return the mean AP50 of the classes of an origin, of all if None."""
        return self._mean(c.ap50 for c in self.classes if origin in {None, c.origin})

    def ap(self, origin: str | None = None) -> float | None:
        """Return the mean AP over IoU 0.5 to 0.95, likewise."""
        return self._mean(c.ap for c in self.classes if origin in {None, c.origin})

    def to_json(self) -> dict[str, Any]:
        """Return what `drivemeta eval --json` prints of the scores."""
        return {
            "ap50": {"all": self.ap50(), "base": self.ap50("base"), "novel": self.ap50("novel")},
            "classes": {
                c.name: {"ap": c.ap, "ap50": c.ap50, "n_boxes": c.n_boxes, "origin": c.origin}
                for c in self.classes
            },
            "images": self.n_images,
        }

    @staticmethod
    def _mean(values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None


def score_detections(
    truth: Dataset, detections: Sequence[Detections], tree: ClassTree
) -> DetectionScores:
    """Score detections against a data set whose classes are classes of the model.

    Args:
        truth: Boxes to be found; its classes are the ones scored. Boxes marked `ignore`
            count neither way.
        detections: Detections of each image, in order.
        tree: Classes of the model, in the order of the detections' labels.
    """
    images = [
        {"id": i, "height": image.size[0], "width": image.size[1]}
        for i, image in enumerate(truth.images)
    ]
    categories = [{"id": i, "name": name} for i, name in enumerate(truth.classes)]
    boxes: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for category, name in enumerate(truth.classes):
        below = tree.below(name)
        for i, image in enumerate(truth.images):
            wanted, ignore = truth_of(image, truth, tree, name)
            boxes += _rows(wanted, i, category, iscrowd=ignore)
            mine = detections[i][np.isin(detections[i].labels, below)]
            found += _rows(mine.boxes, i, category, score=mine.scores)
    counts = np.bincount(
        [row["category_id"] for row in boxes if not row["iscrowd"]], minlength=len(categories)
    )
    frame = {"images": images, "categories": categories}
    precision = _precision(frame | {"annotations": boxes}, frame | {"annotations": found})
    scores = [
        ClassScore(
            name,
            tree.origin(name),
            _average(precision[:, :, i]) if counts[i] else None,
            _average(precision[0, :, i]) if counts[i] else None,
            int(counts[i]),
        )
        for i, name in enumerate(truth.classes)
    ]
    return DetectionScores(tuple(scores), len(images))


def truth_of(
    image: AnnotatedImage, truth: Dataset, tree: ClassTree, name: str
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the (n, 4) boxes and (n,) ignore flags of a class, its leaves rolled up."""
    names = {tree.names[label] for label in tree.below(name)}
    labels = [label for label, other in enumerate(truth.classes) if other in names]
    rows = np.isin(image.labels, labels)
    return image.boxes[rows], image.ignore[rows]


def _rows(
    boxes: FloatArray, image: int, category: int, **fields: NDArray[Any]
) -> list[dict[str, Any]]:
    """Return COCO annotations; `fields` hold one value a box."""
    rows = []
    for i, (x, y, width, height) in enumerate(xyxy_to_xywh(boxes).tolist()):
        row = {"image_id": image, "category_id": category, "bbox": [x, y, width, height]}
        row |= {"area": width * height, "iscrowd": 0}
        rows.append(row | {key: values[i].item() for key, values in fields.items()})
    return rows


def _precision(truth: dict[str, Any], found: dict[str, Any]) -> NDArray[np.float64]:
    """Return the (n_ious, n_recalls, n_classes) precision of COCO's evaluation."""
    for content in (truth, found):
        for number, row in enumerate(content["annotations"], start=1):
            row["id"] = number
            row["iscrowd"] = int(row["iscrowd"])
    evaluation = COCOeval_faster(COCO(truth), COCO(found), iouType="bbox")
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluation.params.maxDets = [_MOST_PER_IMAGE]
    evaluation.evaluate()
    evaluation.accumulate()
    precision = np.asarray(evaluation.eval["precision"], np.float64)
    return precision[:, :, :, 0, -1]


def _average(precision: NDArray[np.float64]) -> float:
    return float(np.maximum(precision, 0).mean())
