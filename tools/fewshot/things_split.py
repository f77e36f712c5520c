"""Hold a third of the kinds of things out of training, spread over their sources.

    python -m tools.fewshot.things_split --kinds runs/data/kinds

Classes of a source are drawn by a seed alone. What scenes of roads have but cars and persons is
held out as well.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from drivemeta.files import write_text
from drivemeta.training.crops import read_manifest

HELD_OUT = Path(__file__).with_name("things_held_out.json")
SOURCES = (("cars",), ("tiny",), ("people",), ("excavators", "wheelchairs"))
ROADS = ("truck", "bus", "train", "motorcycle", "bicycle", "rider", "cyclist")
# Other classes of Tiny ImageNet that are kinds of what is held out.
ALIKE = ("police van", "school bus", "jinrikisha", "gondola", "Persian cat", "Egyptian cat")


def main() -> None:
    """Read the arguments and write the list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kinds", type=Path, default=Path("runs/data/kinds"))
    parser.add_argument("--out", type=Path, default=HELD_OUT)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    seen: set[str] = set()
    held: list[str] = []
    for sources in SOURCES:
        rows = [r for s in sources for r in read_manifest(arguments.kinds / s / "manifest.csv")]
        names = sorted({row["class"] for row in rows} - seen)
        seen |= set(names)
        held += [str(name) for name in rng.permutation(names)[: round(len(names) / 3)]]
    content = {
        "command": "python -m tools.fewshot.things_split",
        "seed": arguments.seed,
        "kinds": sorted(held),
        "roads": list(ROADS),
        "alike": list(ALIKE),
    }
    write_text(arguments.out, json.dumps(content, indent=1) + "\n")
    print(", ".join(sorted(held)))


if __name__ == "__main__":
    main()
