"""What was found in a support set, as values and as lines to read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from drivemeta.data.dataset import Dataset, SetAside

IGNORED = "a crowd, or marked as difficult: neither learnt nor taken for background"
FURTHER = "a further view of an object that is learnt of: no shot of its own"
_MOST_SHOWN = 3


def all_set_aside(dataset: Dataset) -> list[SetAside]:
    """Return what the reader and the check left out, ignored boxes included."""
    ignored = [
        SetAside(
            image.path.name,
            f"{image.entries[row]} ({dataset.classes[image.labels[row]]!r})",
            FURTHER if image.objects[row] >= 0 else IGNORED,
        )
        for image in dataset.images
        for row in np.flatnonzero(image.ignore)
    ]
    return [*dataset.set_aside, *ignored]


def findings_json(dataset: Dataset) -> dict[str, Any]:
    """Return the findings as JSON values; boxes are xyxy in pixels of the upright pictures."""
    return {
        "format": dataset.format,
        "classes": list(dataset.classes),
        "images": [
            {
                "file": str(image.path),
                "width": image.size[1],
                "height": image.size[0],
                "boxes": [
                    {
                        "class": dataset.classes[image.labels[row]],
                        "box": [round(float(x), 2) for x in image.boxes[row]],
                    }
                    for row in np.flatnonzero(~image.ignore)
                ],
            }
            for image in dataset.images
        ],
        "set_aside": [
            {"file": aside.file, "what": aside.what, "why": aside.why}
            for aside in all_set_aside(dataset)
        ],
        "notes": list(dataset.notes),
    }


def set_aside_lines(dataset: Dataset) -> Iterator[str]:
    """Yield a line for each reason why something was set aside, with the first that it was."""
    by_reason: dict[str, list[SetAside]] = defaultdict(list)
    for aside in all_set_aside(dataset):
        by_reason[aside.why].append(aside)
    for why, asides in by_reason.items():
        named = "; ".join(f"{a.file}: {a.what}" for a in asides[:_MOST_SHOWN])
        more = f"; and {len(asides) - _MOST_SHOWN} more" if len(asides) > _MOST_SHOWN else ""
        yield f"({why}) {named}{more}"
