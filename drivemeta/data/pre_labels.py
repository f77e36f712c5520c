"""What a detector found in images, for people who annotate: the doubtful images come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drivemeta.core import Detections
from drivemeta.core.boxes import xyxy_to_xywh
from drivemeta.core.coco import coco_row


@dataclass(frozen=True, eq=False)
class PreLabelled:
    """What was found in one image.

    Attributes:
        name: File name of the image.
        index: Number of the image in the order given, from 0.
        size: Height and width in pixels.
        found: Detections, in pixels of the image.
    """

    name: str
    index: int
    size: tuple[int, int]
    found: Detections

    @property
    def certainty(self) -> float:
        """Lowest score in the image; images without detections come last."""
        return float(self.found.scores.min()) if len(self.found) else 2.0

    def as_json(self) -> dict[str, Any]:
        """Return the image and its objects as JSON values, boxes xyxy."""
        found = self.found
        return {
            "file_name": self.name,
            "width": self.size[1],
            "height": self.size[0],
            "objects": [
                {
                    "name": name,
                    "score": round(float(score), 4),
                    "box": [round(float(x), 2) for x in box],
                }
                for name, score, box in zip(found.names, found.scores, found.boxes, strict=True)
            ],
        }


def by_certainty(images: Sequence[PreLabelled]) -> list[PreLabelled]:
    """Return the images with the least certain first, where a human look pays most."""
    return sorted(images, key=lambda image: image.certainty)


def coco_pre_labels(images: Sequence[PreLabelled], classes: Sequence[str]) -> dict[str, Any]:
    """Return COCO annotations, as annotation tools import them.

    Args:
        images: Images in the order in which they are listed.
        classes: Names of the classes, in the order of their labels.
    """
    annotations: list[dict[str, Any]] = []
    for image in images:
        found = image.found
        rows = zip(xyxy_to_xywh(found.boxes), found.scores, found.labels, strict=True)
        for box, score, label in rows:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    **coco_row(image.index, int(label), box),
                    "area": round(float(box[2] * box[3]), 2),
                    "segmentation": [],
                    "iscrowd": 0,
                    "score": round(float(score), 4),
                }
            )
    return {
        "info": {"description": "DriveMeta pre-labels: to be checked"},
        "licenses": [],
        "images": [
            {
                "id": image.index + 1,
                "file_name": image.name,
                "width": image.size[1],
                "height": image.size[0],
            }
            for image in images
        ],
        "annotations": annotations,
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(classes)],
    }
