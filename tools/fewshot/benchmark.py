"""Few-shot detection by the protocol of `drivemeta.evaluation.fewshot`: learners and peers.

    python -m tools.fewshot.benchmark --protocol italy --half B --learners protonet --peers every \
        --held-out-level2 runs/level2_without_italian_signs/level2.safetensors \
        --cache runs/fewshot --write docs/few-shot.md

Every method gets the same images, draws and evaluator. Level 1 runs once an image and, with
`--cache`, once for all runs; each result is a file there too, so that the same command goes on
where it was killed. Rows are kept in `docs/few-shot.json`, from which the page and its plots are
written.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from drivemeta.cli.common import parse_size
from drivemeta.errors import InputError
from drivemeta.models.detector import fitted_to
from drivemeta.own.loading import load_base
from tools.fewshot.bases import Base, quantised, shipped, variant
from tools.fewshot.learners import AdaptedBy
from tools.fewshot.measure import Plan, Row, Stage, measure, road_images
from tools.fewshot.page import write_page
from tools.fewshot.peers import PEERS
from tools.fewshot.peers.interface import Method
from tools.fewshot.protocols import protocol_named
from tools.provenance import command, machine

SEEN, HELD_OUT = "seen abroad", "held out by meaning"
SHIPPED_NAMES = {"italy": SEEN, "vietnam": SEEN, "lights": "states known"}
VARIANT_NAMES = {"italy": HELD_OUT, "vietnam": HELD_OUT, "lights": "no lights known"}


def main() -> None:
    """Measure the rows asked for, writing the page after each."""
    arguments = _arguments()
    protocol = protocol_named(arguments.protocol, arguments.scenes, arguments.half)
    protocol = replace(protocol, limit=arguments.limit)
    print(f"{protocol.name}: {protocol.boxes()}", flush=True)
    n_roads = arguments.roads if arguments.protocol == "italy" else 0
    roads = road_images(arguments.scenes, n_roads)
    store = arguments.cache and arguments.cache / "trials"
    plan = Plan(tuple(arguments.shots), arguments.seeds, arguments.slow_seeds, store)
    for base, methods in _bases(arguments):
        stage = Stage.of(base, protocol, roads)
        for method in methods:
            row = measure(base, method, stage, plan)
            _tell(row)
            if arguments.write:
                write_page(arguments.write, row | {"command": command(), "machine": machine()})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--protocol", choices=("italy", "vietnam", "lights"), default="italy")
    add("--half", choices=("A", "B", "all"), default="B", help="of Italy's images")
    add("--scenes", type=Path, default=Path("../shared/data/scenes"))
    add("--base", type=Path, help="weights, or a base with a detector of your own; the shipped one")
    add("--input-size", help="height x width that frames are fitted into; the base's own if absent")
    add("--precision", choices=("fp32", "int8"), default="fp32", help="that is scored")
    add("--learners", default="protonet", help="names of plugins, by commas; empty for none")
    add("--peers", default="", help=f"by commas, of {', '.join(PEERS)}; or every")
    add("--held-out-level2", type=Path, help="level 2 that never met the novel meanings")
    add(
        "--held-out-config",
        type=Path,
        default=Path("configs/train_level2_without_italian_signs.yaml"),
    )
    add("--lightless-level2", type=Path, help="level 2 that never met a traffic light")
    add("--lightless-config", type=Path, default=Path("configs/train_level2_without_lights.yaml"))
    add("--skip-shipped", action="store_true", help="measure the variant of level 2 alone")
    add("--shots", type=int, nargs="+", default=[1, 3, 5, 10])
    add("--seeds", type=int, default=10)
    add("--slow-seeds", type=int, default=3, help="of peers that train layers")
    add("--roads", type=int, default=150, help="BDD images that the base is scored on, for italy")
    add("--limit", type=int, help="most images scored a seed")
    add("--cache", type=Path, default=Path("runs/fewshot"), help="folder, some GB")
    add("--write", type=Path, help="page to write, docs/few-shot.md")
    return parser.parse_args()


def _bases(arguments: argparse.Namespace) -> Iterator[tuple[Base, list[Method]]]:
    """Yield each base with the methods to measure on it; peers do not use level 2."""
    detector = load_base(arguments.base)
    size = parse_size(arguments.input_size, "--input-size") or detector.input_size
    detector = fitted_to(detector, size)
    learners: list[Method] = [AdaptedBy(name) for name in arguments.learners.split(",") if name]
    names = list(PEERS) if arguments.peers == "every" else arguments.peers.split(",")
    peers: list[Method] = [PEERS[name]() for name in names if name]
    if detector.own is not None and peers:
        raise InputError("expected no peers with a detector of your own: they see level 1 alone")
    if not arguments.skip_shipped:
        name = ", ".join([SHIPPED_NAMES[arguments.protocol], *_differs(arguments)])
        base = shipped(name, detector, arguments.cache)
        int8 = arguments.precision == "int8"
        yield quantised(base, arguments.cache) if int8 else base, learners + peers
    lights = arguments.protocol == "lights"
    level2 = arguments.lightless_level2 if lights else arguments.held_out_level2
    config = arguments.lightless_config if lights else arguments.held_out_config
    if level2:
        name = VARIANT_NAMES[arguments.protocol]
        yield variant(name, detector, level2, config, arguments.cache), learners


def _differs(arguments: argparse.Namespace) -> list[str]:
    """Return how a base differs from the shipped one, in the words of its row."""
    name = arguments.base.name if arguments.base else None
    return [word for word in (name, arguments.input_size) if word]


def _tell(row: Row) -> None:
    print(f"== {row['protocol']} | {row['base']} | {row['method']}", row.get("error", ""))
    for shots, cell in row.get("shots", {}).items():
        novel, change = cell["novel"], cell["base_change"]
        print(
            f"   {shots} shots: novel {novel['mean']:.3f} ({novel['low']:.3f} to "
            f"{novel['high']:.3f}), base {cell['base']['mean']:.3f} ({change['mean']:+.3f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
