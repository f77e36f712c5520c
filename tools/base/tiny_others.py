"""Make `tiny-others`: the classes of Tiny ImageNet that `kinds.py` leaves out, in its layout.

    python -m tools.base.tiny_others GIT_DIR --known runs/data/kinds/tiny \
        --out runs/data/kinds/tiny-others

GIT_DIR: git directory of github seshuad/IMagenet. The first pictures of each class with their
boxes: the embedding for things is trained with them as well, so that it forgets nothing of
ImageNet. Licence: ImageNet's, non-commercial research and education.
"""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path

from drivemeta.files import write_bytes, write_text
from drivemeta.training.crops import read_manifest
from tools.base.kitti_more import blob, listing

FOLDER = "tiny-imagenet-200"
SIDE = 64
COLUMNS = ("path", "class", "group", "source", "width", "height")
CORNERS = ("x1", "y1", "x2", "y2", "label", "native")


def main() -> None:
    """Write the pictures and their list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("git_dir", type=Path)
    parser.add_argument("--known", type=Path, required=True, help="what `kinds.py tiny` wrote")
    parser.add_argument("--per-class", type=int, default=150)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    known = {row["label"] for row in read_manifest(arguments.known / "manifest.csv")}
    files = listing(arguments.git_dir, f"{FOLDER}/train")
    rows = []
    for number, name in names_of(arguments.git_dir).items():
        boxes = files.get(f"{number}_boxes")
        if boxes is None or number in known:
            continue
        lines = blob(arguments.git_dir, boxes).decode().splitlines()[: arguments.per_class]
        for picture, *corners in (line.split() for line in lines):
            stem = Path(picture).stem
            path = f"{name}/{stem}.jpg"
            write_bytes(arguments.out / path, blob(arguments.git_dir, files[stem]))
            rows.append([path, name, stem, "tiny", SIDE, SIDE, *corners, number, SIDE])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS + CORNERS, *rows])
    write_text(arguments.out / "manifest.csv", text.getvalue())
    print(f"{len(rows)} pictures of {len({row[1] for row in rows})} classes")


def names_of(git_dir: Path) -> dict[str, str]:
    """Return the first English name of each WordNet number."""
    lines = blob(git_dir, listing(git_dir, f"{FOLDER}/words.txt")["words"]).decode().splitlines()
    return {number: text.split(",")[0] for number, text in (line.split("\t") for line in lines)}


if __name__ == "__main__":
    main()
