"""Few-shot detection on the Italian scenes, by the protocol of `drivemeta.evaluation.fewshot`.

    python tools/fewshot_benchmark.py --data ../shared/data/scenes/italy

The networks run once an image; each draw only adapts the class bank. Rows of the table are kept in
`docs/few-shot.json`, from which `docs/few-shot.md` is written.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from fewshot_networks import embedder, on_onnx_runtime
from fewshot_page import machine, write_page
from fewshot_scenes import Scenes
from rich.progress import track

from drivemeta.core import ClassBank
from drivemeta.data.dataset import Dataset
from drivemeta.data.readers import read_coco
from drivemeta.data.support import SupportSet
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.fewshot import Trial, difference, draw_seed, estimate
from drivemeta.evaluation.operating_point import match_class
from drivemeta.learn.adapt import adapt
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.store import load_base, load_detector
from drivemeta.plugins.registry import default_registry

BASE = "traffic_sign"
HALVES = Path(__file__).with_name("italy_halves.json")


def main() -> None:
    """Run the benchmark and write its row."""
    arguments = _arguments()
    detector = load_detector(arguments.weights) if arguments.weights else load_base()
    base = on_onnx_runtime(detector, arguments.cache)
    names = json.loads((arguments.data / "splits.json").read_text())["dev_novel"]
    dataset = _images(arguments.data, arguments.half)
    novel = dataset.map_classes({name: name for name in names}, names)
    signs = {name: name if name in names else BASE for name in dataset.classes}
    truth = dataset.map_classes(signs, [*names, BASE])
    paths = [image.path for image in dataset.images]
    bar = iter(track(paths, "level 1 once an image", transient=True))
    scenes = Scenes(base, embedder(detector), paths, lambda: next(bar, None))
    trials: dict[int, list[Trial]] = {n: [] for n in (0, *arguments.shots)}
    for seed in range(arguments.seeds):
        for n_shots, trial in _trials(base, scenes, novel, truth, arguments, seed):
            trials[n_shots].append(trial)
            novel_ap50 = f"{trial.ap50(names):.3f}" if n_shots else "-"
            base_ap50 = f"{trial.ap50([BASE]):.3f}"
            print(f"seed {seed} shots {n_shots}: novel {novel_ap50} base {base_ap50}", flush=True)
    row = _row(trials, names, len(paths), arguments)
    print(json.dumps(row["shots"], indent=1))
    if arguments.write:
        write_page(arguments.write, row)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/scenes/italy"))
    parser.add_argument("--weights", type=Path, help="detector weights; the shipped base if absent")
    parser.add_argument("--learner", default="protonet")
    parser.add_argument("--parameters", type=json.loads, default={}, help="of the learner, as JSON")
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 3, 5, 10])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--half", choices=("A", "B", "all"), default="all")
    parser.add_argument("--cache", type=Path, help="folder that keeps level 1's outputs, 2 GB")
    parser.add_argument("--row", default="seen abroad", help="name of the row in the table")
    parser.add_argument("--write", type=Path, help="page to write, docs/few-shot.md")
    return parser.parse_args()


def _images(folder: Path, half: str) -> Dataset:
    dataset = read_coco(folder / "annotations.json").split("novel")
    if half == "all":
        return dataset
    files = set(json.loads(HALVES.read_text())[half])
    return dataset.select(lambda image: image.path.name in files)


def _trials(
    base: TwoLevelDetector,
    scenes: Scenes,
    novel: Dataset,
    truth: Dataset,
    arguments: argparse.Namespace,
    seed: int,
) -> Iterator[tuple[int, Trial]]:
    """Yield the trial of the base alone (0 shots) and of each shot count of a seed."""
    draw = draw_seed(novel, arguments.shots, seed)
    learner = default_registry().create("learner", arguments.learner, **arguments.parameters)
    yield 0, _score(scenes, base.bank, truth, draw.query, (seed, 0.0))
    for n_shots, boxes in draw.supports.items():
        started = time.perf_counter()
        adapted = adapt(base, SupportSet(boxes), learner)
        seconds = time.perf_counter() - started
        bank = adapted.detector.bank
        yield n_shots, _score(scenes, bank, truth, draw.query, (seed, seconds))


def _score(
    scenes: Scenes,
    bank: ClassBank,
    truth: Dataset,
    query: np.ndarray,
    seed_and_seconds: tuple[int, float],
) -> Trial:
    tree, wanted = ClassTree.of(bank.classes), truth.select(query.tolist())
    found = [scenes.detect(bank, int(index)) for index in query]
    known = [name for name in truth.classes if name in tree.names]
    matches = {name: match_class(wanted, found, tree, name) for name in known}
    return Trial(seed_and_seconds[0], query, matches, seed_and_seconds[1])


def _row(
    trials: dict[int, list[Trial]], names: Sequence[str], n_images: int, arguments: Any
) -> dict[str, Any]:
    """Return the estimates of all shot counts as JSON values."""
    shots = {}
    for n_shots in arguments.shots:
        mine = trials[n_shots]
        shots[str(n_shots)] = {
            "novel": asdict(estimate(mine, names)),
            "base": asdict(estimate(mine, [BASE])),
            "base_change": asdict(difference(mine, trials[0], [BASE])),
            "seconds": float(np.median([trial.seconds for trial in mine])),
            "classes": {name: estimate(mine, [name], n_rounds=2).mean for name in names},
        }
    return {
        "row": arguments.row,
        "command": "python " + shlex.join(sys.argv),
        "half": arguments.half,
        "images": n_images,
        "seeds": arguments.seeds,
        "machine": machine(),
        "shots": shots,
    }


if __name__ == "__main__":
    main()
