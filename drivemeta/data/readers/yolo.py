"""YOLO: `data.yaml` (or `classes.txt`), images, and a text file of boxes for each image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import image_size, read_text
from drivemeta.data.readers.parsed import ParsedBox, ParsedImage, dataset_of, split_of
from drivemeta.errors import AnnotationError
from drivemeta.files import IMAGE_SUFFIXES, is_image

NAME_FILES = (
    "data.yaml",
    "data.yml",
    "dataset.yaml",
    "dataset.yml",
    "classes.txt",
    "obj.names",
)
_GREATEST_RELATIVE = 1.5


def read_yolo(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Read a YOLO folder: Ultralytics', Roboflow's and Darknet's layouts.

    The text file of `images/a/b.jpg` is `labels/a/b.txt`, or lies beside the image. An image
    whose text file is empty or absent has no objects.

    Args:
        path: Folder, or its `data.yaml`.
        images: Folder of the images, if they are not in the folder.

    Raises:
        AnnotationError: no class names, no images, a line that is no box, a class id without
            a name, or a text file without its image; names the file and the line.
    """
    path = Path(path)
    name_file = path if path.is_file() else _name_file(path)
    root = name_file.parent
    names = _names(name_file)
    folder = Path(images) if images is not None else root
    files = sorted(p for p in folder.rglob("*") if is_image(p))
    if not files:
        raise AnnotationError(
            f"{folder}: expected images ({', '.join(IMAGE_SUFFIXES)}), found none"
        )
    texts = {file: _label_file(file, folder, root) for file in files}
    _check_texts(root, {text for text in texts.values() if text is not None}, name_file)
    found = [_image(file, texts[file], names, folder) for file in files]
    return dataset_of(found, path, names)


def _name_file(root: Path) -> Path:
    for name in NAME_FILES:
        if (root / name).is_file():
            return root / name
    raise AnnotationError(
        f"{root}: expected the class names in one of {', '.join(NAME_FILES)}, found none"
    )


def _names(path: Path) -> list[str]:
    """Return class names in the order of the class ids."""
    text = read_text(path)
    if path.suffix not in {".yaml", ".yml"}:
        return _distinct(path, [line.strip() for line in text.splitlines() if line.strip()])
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise AnnotationError(f"{path}: expected YAML, found a fault: {error}") from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list) or not names:
        raise AnnotationError(
            f"{path}: expected 'names', a list of class names or a mapping from 0, 1, ... to them, "
            f"found {names!r}"
        )
    return _distinct(path, [str(name) for name in names])


def _distinct(path: Path, names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AnnotationError(f"{path}: class names must be unique, found twice: {twice}")
    return names


def _label_file(image: Path, folder: Path, root: Path) -> Path | None:
    """Return the text file of an image, or None if it has none."""
    inner = image.relative_to(folder)
    parts = list(inner.parts)
    swapped = [
        Path(*parts[:i], "labels", *parts[i + 1 :])
        for i in reversed(range(len(parts) - 1))
        if parts[i] == "images"
    ]
    places = [
        *(root / path for path in swapped),
        image,
        root / "labels" / inner,
        root / inner,
    ]
    return next((p.with_suffix(".txt") for p in places if p.with_suffix(".txt").is_file()), None)


def _check_texts(root: Path, used: set[Path], name_file: Path) -> None:
    """Refuse a text file that holds boxes of an image that is not there."""
    if not used:
        raise AnnotationError(
            f"{root}: found images but no text file of boxes for any of them; "
            "expected labels/NAME.txt for images/NAME.jpg"
        )
    for folder in sorted({text.parent for text in used}):
        for text in sorted(folder.glob("*.txt")):
            known = text in used or text == name_file or text.name in NAME_FILES
            if not known and _looks_like_boxes(text):
                raise AnnotationError(f"{text}: its image {text.stem}.* is missing")


def _looks_like_boxes(path: Path) -> bool:
    first = next((line.split() for line in read_text(path).splitlines() if line.strip()), [])
    return len(first) >= 5 and first[0].isdigit()


def _image(file: Path, text: Path | None, names: list[str], folder: Path) -> ParsedImage:
    height, width = image_size(file)
    boxes = []
    if text is not None:
        for number, line in enumerate(read_text(text).splitlines(), start=1):
            if line.strip():
                boxes.append(_box(line, f"{text.name} line {number}", text, names, (width, height)))
    return ParsedImage(file, (height, width), boxes, split_of(file, folder))


def _box(
    line: str, entry: str, text: Path, names: list[str], size_wh: tuple[int, int]
) -> ParsedBox:
    # Only here: its import takes over a second.
    from supervision.dataset.formats.yolo import (  # noqa: PLC0415
        yolo_annotations_to_detections,
    )

    where = f"{text}: {entry.removeprefix(text.name).strip()}"
    try:
        found = yolo_annotations_to_detections([line], size_wh, with_masks=False)
        relative = [abs(float(value)) for value in line.split()[1:5]]
    except ValueError as error:
        raise AnnotationError(
            f"{where}: expected 'class x_centre y_centre width height', relative to the image, "
            f"found {line.strip()[:80]!r} ({error})"
        ) from error
    if max(relative) > _GREATEST_RELATIVE:
        raise AnnotationError(
            f"{where}: expected coordinates relative to the image, from 0 to 1, "
            f"found {line.strip()[:80]!r}; divide pixels by the width and the height"
        )
    label = int(found.class_id[0]) if found.class_id is not None else -1
    if not 0 <= label < len(names):
        raise AnnotationError(
            f"{where}: class id {label} has no name; names are given for 0..{len(names) - 1}"
        )
    return ParsedBox(entry, found.xyxy[0].tolist(), names[label])
