"""Level 1's score and suppression: AP50 of BDD training images by setting, one change at a time.

    python -m tools.base.level1_sweep --limit 220

The validation part, which is reported, is not looked at. Some ten minutes on 2 idle cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from drivemeta.core import ClassBank, Detections
from drivemeta.core import score_rule as rule
from drivemeta.core.boxes import nms
from drivemeta.core.scoring import Scoring
from drivemeta.data.dataset import Dataset
from drivemeta.errors import InputError
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.detection import score_detections
from drivemeta.markdown import table, table_row
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.store import load_base
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.models.traced.proposals import to_input
from drivemeta.training.base.sources import load_source, to_dataset

MIN_SCORE = 0.001
N_KEPT = 5000  # locations of a frame that are kept, by the shipped score
Locate = Callable[..., rule.Located]


@dataclass(frozen=True)
class Setting:
    """What is changed, and by what name it is listed."""

    name: str
    scoring: dict[str, float]
    locate: Locate = rule.locate


def without_votes(
    dense: rule.DenseArrays,
    bank: ClassBank,
    scoring: Scoring,
    frame_hw: tuple[int, int],
    input_hw: tuple[int, int],
) -> rule.Located:
    """Locate without voting: kept boxes stay where they are."""
    found = rule.candidates(dense, bank, scoring, frame_hw, input_hw)
    kept = nms(found.boxes, found.scores, found.roots, scoring.nms_iou)[: rule.N_ROWS]
    return found[kept]


SETTINGS = (
    Setting("as shipped", {}),
    Setting("without votes", {}, without_votes),
    *(Setting(f"`nms_iou` {x}", {"nms_iou": x}) for x in (0.4, 0.45, 0.55, 0.6, 0.7)),
    *(Setting(f"`quality_power` {x}", {"quality_power": x}) for x in (0.0, 0.3, 0.7)),
    Setting("0.6 and 0.3, without votes", {"nms_iou": 0.6, "quality_power": 0.3}, without_votes),
)


def main() -> None:
    """Run level 1 once over the images, score each setting and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--limit", type=int, default=220)
    parser.add_argument("--size", type=int, nargs=2, default=(384, 640), help="height, width")
    arguments = parser.parse_args()
    base = load_base()
    base.input_size = (arguments.size[0], arguments.size[1])
    truth = annotated(arguments.data, arguments.limit)
    networks = FixedNetworks(base)
    dense = [seen(base, networks, image.path) for image in track(truth.images)]
    classes = truth.classes
    print("\n".join(table(["setting", *classes], [])))
    for setting in SETTINGS:
        scoring = replace(base.scoring, **setting.scoring)
        found = []
        for image, arrays in zip(truth.images, dense, strict=True):
            located = setting.locate(arrays, base.bank, scoring, image.size, base.input_size)
            found.append(detections(located, base.bank))
        scores = score_detections(truth, found, ClassTree.of(base.bank.classes)).to_json()
        cells = [f"{100 * scores['classes'][name]['ap50']:.1f}" for name in classes]
        print(table_row([setting.name, *cells]), flush=True)


def annotated(data: Path, limit: int, source: str = "bdd") -> Dataset:
    """Return training images of a source, evenly spread, as a data set of the super-classes."""
    images = load_source(data, source, "train")
    return to_dataset(images[:: max(1, len(images) // limit)][:limit])


def seen(base: TwoLevelDetector, networks: FixedNetworks, image: Path) -> rule.DenseArrays:
    """Return level 1's best locations of an image."""
    frame = cv2.imread(str(image), cv2.IMREAD_COLOR)
    if frame is None:
        raise InputError(f"cannot read {image}")
    inputs, _ = to_input(to_tensor(frame), base.input_size)
    dense = networks.dense(inputs)
    best = np.argsort(-rule.score_locations(dense, base.bank.dense, base.scoring)[0])[:N_KEPT]
    return rule.DenseArrays(dense.boxes[best], dense.quality[best], dense.embeddings[best])


def detections(located: rule.Located, bank: ClassBank) -> Detections:
    """Return what counts for average precision."""
    n = int((located.scores > MIN_SCORE).sum())
    return Detections(located.boxes[:n], located.scores[:n], located.labels[:n], bank.names)


if __name__ == "__main__":
    main()
