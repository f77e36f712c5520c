"""Make `kitti-more`: frames of KITTI with cyclists that are not in data/scenes/kitti, as COCO.

    python -m tools.base.kitti_more IMAGES_GIT LABELS_GIT --out runs/data/kitti-more

IMAGES_GIT: git directory of github PauloImesapi98/kitti_ciclistas (1,141 frames). LABELS_GIT: of
github Aiuan/KITTIdevkit (VOC XML of all frames). Every frame of scenes/kitti is left out, and every
frame that looks like one of its validation part: frames of one drive resemble each other. Licence:
CC BY-NC-SA 3.0, not for commercial use.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
from numpy.typing import NDArray

from drivemeta.data.readers.files import read_image
from drivemeta.errors import InputError
from drivemeta.files import write_text
from drivemeta.training.base.sources import load_source

NAMES = ("Car", "Cyclist", "Pedestrian")
WIDTH = 900  # as in scenes/kitti
SIDES = ("xmin", "ymin", "xmax", "ymax")
LEAST_DISTANCE = 80  # of 256 bits


def main() -> None:
    """Write the images and annotations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("images_git", type=Path)
    parser.add_argument("labels_git", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/scenes"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    known = load_source(arguments.data, "kitti")
    seen = {image.path.stem.removeprefix("kitti_") for image in known}
    held = [image for image in known if image.attributes["split"] == "val"]
    hashes = np.stack([dhash(read_image(image.path)) for image in held])
    frames = listing(arguments.images_git, "images")
    objects = listing(arguments.labels_git, "Annotations")
    (arguments.out / "images").mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for stem in sorted(frames.keys() - seen):
        image = decoded(blob(arguments.images_git, frames[stem]))
        if (dhash(image) != hashes).sum(1).min() < LEAST_DISTANCE:
            continue
        scale = WIDTH / image.shape[1]
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        name = f"kitti_{stem}.jpg"
        cv2.imwrite(str(arguments.out / "images" / name), small, [cv2.IMWRITE_JPEG_QUALITY, 92])
        height, width = small.shape[:2]
        entry = {"id": len(images) + 1, "file_name": name, "width": width, "height": height}
        images.append({**entry, "split": "train"})
        for label, box in voc(blob(arguments.labels_git, objects[stem]), scale):
            entry = {"id": len(annotations) + 1, "image_id": len(images), "category_id": label + 1}
            annotations.append({**entry, "bbox": box, "area": round(box[2] * box[3], 2)})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(NAMES)]
    found = {"images": images, "annotations": annotations, "categories": categories}
    write_text(arguments.out / "annotations.json", json.dumps(found))
    counts = Counter(NAMES[entry["category_id"] - 1] for entry in annotations)
    print(f"{len(images)} of {len(frames.keys() - seen)} images, {dict(counts)}")


def listing(git: Path, folder: str) -> dict[str, str]:
    """Return the object name of each file below a folder of a snapshot, by its stem."""
    command = ["git", f"--git-dir={git}", "ls-tree", "-r", "HEAD", folder]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {Path(line.split("\t")[1]).stem: line.split()[2] for line in lines}


def blob(git: Path, name: str) -> bytes:
    """Return the content of an object of a snapshot."""
    command = ["git", f"--git-dir={git}", "cat-file", "blob", name]
    return subprocess.run(command, capture_output=True, check=True).stdout


def decoded(content: bytes) -> NDArray[np.uint8]:
    """Return the (height, width, 3) uint8 BGR image in the bytes of a file."""
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"expected an image, found {len(content)} bytes that are none")
    return np.asarray(image, np.uint8)


def voc(content: bytes, scale: float) -> list[tuple[int, list[float]]]:
    """Return label and scaled x, y, width, height of each object of a VOC XML."""
    found = []
    for item in ElementTree.fromstring(content).iter("object"):
        x0, y0, x1, y1 = (float(item.findtext(f"bndbox/{side}", "")) for side in SIDES)
        box = [round(scale * value, 2) for value in (x0, y0, x1 - x0, y1 - y0)]
        found.append((NAMES.index(item.findtext("name", "")), box))
    return found


def dhash(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return 256 bits: whether each of 16x17 grey cells is darker than the next."""
    grey = cv2.resize(
        cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (17, 16), interpolation=cv2.INTER_AREA
    )
    return np.asarray(grey[:, 1:] > grey[:, :-1], np.bool_).ravel()


if __name__ == "__main__":
    main()
