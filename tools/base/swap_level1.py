"""Export the shipped base with another level 1, to measure a training stage as the base is.

    python -m tools.base.swap_level1 runs/level1_stage7/level1.safetensors --out runs/stage7.onnx
    python -m tools.base.table --model runs/stage7.onnx --sources bdd kitti

Level 2, banks and thresholds stay those of the base. A stage that is better takes its place:

    python -m tools.base.swap_level1 runs/level1_stage7/level1.safetensors \
        --out drivemeta/weights/base.safetensors

then thresholds are set anew, as `tools.base.build` sets them; `tools.base.trace` and
`tools.base.int8_ranges` come next.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import safe_open

from drivemeta.core import SUPER_CLASSES
from drivemeta.errors import InputError
from drivemeta.export.exporter import export_detector
from drivemeta.models.detector import INPUT_SIZE, TwoLevelDetector
from drivemeta.models.level1 import Level1
from drivemeta.models.store import load_base, save_detector
from drivemeta.paths import BASE_WEIGHTS
from drivemeta.training.base.level1_loss import TrainableLevel1
from drivemeta.training.base.level1_start import load_level1
from tools.base.build import CYCLIST_WEIGHT, best_thresholds, progress

N_IMAGES = 150  # that thresholds are set on


def main() -> None:
    """Read the arguments and write the model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("level1", type=Path, help="weights of a run, or a detector")
    parser.add_argument("--size", type=int, nargs=2, default=INPUT_SIZE, help="height, width")
    parser.add_argument("--out", type=Path, required=True, help="model or weights to write")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/scenes"))
    arguments = parser.parse_args()
    detector = with_level1(load_base(), arguments.level1)
    if arguments.out.suffix == ".safetensors":
        run = progress(arguments.level1.parent)
        thresholds = best_thresholds(detector, arguments.data, N_IMAGES)
        print({name: round(value, 3) for name, value in thresholds.items()})
        thresholds |= {c.name: thresholds[c.parent] for c in detector.bank.classes if c.parent}
        known = detector.bank.with_thresholds(thresholds)
        trained = provenance(BASE_WEIGHTS) | {"level1": run}
        save_detector(arguments.out, detector.with_(bank=known), trained)
        return
    size = (arguments.size[0], arguments.size[1])
    export_detector(detector.with_(input_size=size), arguments.out)


def provenance(weights: Path) -> dict[str, Any]:
    """Return how the parts of a detector were trained, by its file."""
    with safe_open(weights, framework="pt") as file:
        found: dict[str, Any] = json.loads(file.metadata()["drivemeta"])["provenance"]
    return found


def with_level1(base: TwoLevelDetector, weights: Path) -> TwoLevelDetector:
    """Return a detector with level 1 and its super-classes' rows from a file, all else its own."""
    if not isinstance(base.level1, Level1):
        raise InputError(f"expected a base with the detector `lite`, found {type(base.level1)}")
    trained = TrainableLevel1(base.level1, len(SUPER_CLASSES))
    load_level1(weights, trained)
    row_weights, biases = trained.rows.as_numpy()
    dense = replace(base.bank.dense, weights=row_weights, biases=biases)
    scale = float(trained.rows.log_scale.detach().exp())
    scoring = replace(base.scoring, dense_scale=scale, cyclist_weight=CYCLIST_WEIGHT)
    return base.with_(bank=replace(base.bank, dense=dense), scoring=scoring)


if __name__ == "__main__":
    main()
