"""Few-shot detection on one base against the same on another, or in int8: paired differences.

    python -m tools.fewshot.versus --base mybase.onnx --page docs/own-detector.md
    python -m tools.fewshot.versus --precision int8 --input-size 384x640 --page docs/benchmarks.md
    python -m tools.fewshot.versus --base mybase.onnx --vehicle bus --shots 5 --seeds 5

Signs of Italy, half B, or with `--vehicle` a kind of vehicle of BDD. Both get the same draws and
images, so that the interval of the difference is its own. Results are kept in `--cache` as those of
`tools.fewshot.benchmark`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from drivemeta.cli.common import parse_size
from drivemeta.data.dataset import Dataset
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError
from drivemeta.evaluation.fewshot import Estimate, Trial, difference, estimate
from drivemeta.markdown import table
from drivemeta.models.detector import TwoLevelDetector, fitted_to
from drivemeta.own.loading import load_base
from tools.fewshot.bases import Base, banks_in, quantised, shipped
from tools.fewshot.learners import AdaptedBy
from tools.fewshot.measure import Plan, Score, Stage, road_images, trials
from tools.fewshot.peers.interface import Finder
from tools.fewshot.protocols import VEHICLES, Protocol, italy, vehicles
from tools.page_section import put_section
from tools.provenance import command, machine

WHAT = """{what} learnt by {learner} from so many boxes of each: AP50 in percent, mean
over {seeds} seeds; differences with the 95 % interval of a paired bootstrap over images and draws.
*By adapting*: change of a base class when this is learnt. *Roads*: {roads} frames of BDD.
"""
SIGNS, NEW_SIGNS = "Twelve classes of Italian signs (half B)", "the new signs"


class LearnsOnce(AdaptedBy):
    """Adaptation that is scored more than once: what was learnt of a draw is remembered."""

    def __init__(self, learner: str) -> None:
        super().__init__(learner)
        self._learnt: dict[tuple[int, str], Finder] = {}

    def learn(self, detector: TwoLevelDetector, support: SupportSet, parent: str) -> Finder:
        """Adapt, or return what was learnt of the same shots by the same detector."""
        key = (id(detector), support.digest)
        if key not in self._learnt:
            self._learnt[key] = super().learn(detector, support, parent)
        return self._learnt[key]


def main() -> None:
    """Measure both, print the section, write it."""
    arguments = _arguments()
    kind = arguments.vehicle
    protocol = vehicles(arguments.scenes, kind) if kind else italy(arguments.scenes, "B")
    protocol = replace(protocol, limit=arguments.limit)
    roads = road_images(arguments.scenes, arguments.roads)
    method = LearnsOnce(arguments.learner)
    plan = Plan(tuple(arguments.shots), arguments.seeds, 0, arguments.cache / "trials")
    scores = []
    for base in _pair(arguments):
        stage = Stage.of(base, protocol, roads)
        with banks_in(base.banks):
            scores.append(trials(base, method, stage, plan))
    names = _names(arguments)
    text = "\n".join([
        f"## {arguments.heading or f'Few shots, {names[1]}'}",
        "",
        WHAT.format(what=f"{kind} (BDD)" if kind else SIGNS, **vars(arguments)),
        f"`{command()}`, on {machine()}.",
        "",
        *table(
            ["shots", "class", *names, "difference", "by adapting"],
            list(_rows(protocol, roads, *scores)),
        ),
        "",
    ])  # fmt: skip
    print(text)
    if arguments.page:
        put_section(arguments.page, text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--base", type=Path, help="a base of your own (.onnx) to hold against the shipped one")
    add("--precision", choices=("fp32", "int8"), default="fp32", help="int8, against fp32")
    add("--input-size", help="height x width that frames are fitted into; the base's own if absent")
    add("--vehicle", choices=VEHICLES, help="kind of vehicle to learn in the place of signs")
    add("--learner", default="protonet")
    add("--shots", type=int, nargs="+", default=[1, 5])
    add("--seeds", type=int, default=10)
    add("--scenes", type=Path, default=Path("../shared/data/scenes"))
    add("--roads", type=int, default=60, help="BDD images that base classes are scored on")
    add("--limit", type=int, help="most images scored a seed")
    add("--cache", type=Path, default=Path("runs/fewshot"), help="folder, some GB")
    add("--heading", help="heading of the section")
    add("--page", type=Path, help="page whose section is written")
    return parser.parse_args()


def _pair(arguments: argparse.Namespace) -> Iterator[Base]:
    """Yield what is held against, then what is measured.

    Raises:
        InputError: Both are the same.
    """
    size = parse_size(arguments.input_size, "--input-size")
    shown = [load_base()] if arguments.base is None else [load_base(), load_base(arguments.base)]
    bases = [
        shipped(name, fitted_to(detector, size or detector.input_size), arguments.cache)
        for name, detector in zip(_names(arguments), shown, strict=False)
    ]
    if arguments.precision == "int8":
        bases.append(quantised(bases[0], arguments.cache))
    if len(bases) != 2:
        raise InputError("expected one of --base and --precision int8, found none or both")
    yield from bases


def _names(arguments: argparse.Namespace) -> tuple[str, str]:
    if arguments.base is None:
        size = f" at {arguments.input_size}" if arguments.input_size else ""
        return f"fp32{size}", f"int8{size}"
    return "the shipped base", arguments.base.name


Scores = tuple[list[Score], dict[int, list[Score]]]


def _rows(
    protocol: Protocol, roads: Dataset | None, first: Scores, second: Scores
) -> Iterator[list[Any]]:
    """Yield a line a number of shots and class: both, their difference, the second's change."""
    seen = [name for name, n in roads.n_boxes().items() if n] if roads else []
    parts = [
        ("novel", protocol.names[0] if len(protocol.names) == 1 else NEW_SIGNS, protocol.names),
        ("novel", protocol.base, [protocol.base]),
    ]
    parts += [("roads", f"{name}, roads", [name]) for name in seen]
    for shots in second[1]:
        for part, title, names in parts:
            one, two, before = (
                [score[part] for score in scores]
                for scores in (first[1][shots], second[1][shots], second[0])
            )
            change = "" if names == protocol.names else _interval(difference(two, before, names))
            yield [shots, title, *_cells(one, two, names), change]


def _cells(one: list[Trial], two: list[Trial], names: Sequence[str]) -> list[str]:
    means = [f"{100 * estimate(trials, names, n_rounds=1).mean:.1f}" for trials in (one, two)]
    return [*means, _interval(difference(two, one, names))]


def _interval(found: Estimate) -> str:
    mean, low, high = (100 * value for value in (found.mean, found.low, found.high))
    return f"{mean:+.1f} ({low:.1f} to {high:.1f})"


if __name__ == "__main__":
    main()
