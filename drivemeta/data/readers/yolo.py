"""YOLO: `data.yaml` (or `classes.txt`), images, and a text file of boxes for each image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import header_of, read_text
from drivemeta.data.readers.finder import name_key
from drivemeta.data.readers.parsed import (
    ParsedBox,
    ParsedImage,
    ReaderFindings,
    dataset_of,
    split_of,
)
from drivemeta.data.readers.reading import AS_IT_IS, Reading
from drivemeta.data.readers.yolo_lines import Layout, Line, choose_layout, parse_line
from drivemeta.data.readers.yolo_names import NAME_FILES, YoloNames, find_names
from drivemeta.errors import AnnotationError
from drivemeta.files import IMAGE_SUFFIXES, list_files, list_images

__all__ = ["NAME_FILES", "read_yolo"]


def read_yolo(
    path: str | Path, images: str | Path | None = None, reading: Reading = AS_IT_IS
) -> Dataset:
    """Read a YOLO folder: Ultralytics', Roboflow's and Darknet's layouts.

    The text file of `images/a/b.jpg` is `labels/a/b.txt`, or lies beside the image. An image
    whose text file is empty or absent has no objects. What the lines hold is told for the whole
    set: boxes (with confidence or track), polygons (oriented boxes too), or poses.

    Args:
        path: Folder, or its `data.yaml`.
        images: Folder of the images, if they are not in the folder.
        reading: What the lines hold, where they leave it open, see `Reading.yolo`.

    Raises:
        AnnotationError: no class names, no images, a line that is no box, a class id without
            a name, lines that can be read in two ways, or a text file without its image; names
            the file and the line.
    """
    path = Path(path)
    names = find_names(path)
    root = names.file.parent
    folder = Path(images) if images is not None else root
    files = list_images(folder, nested=True)
    if not files:
        raise AnnotationError(
            f"{folder}: expected images ({', '.join(IMAGE_SUFFIXES)}), found none"
        )
    there = {
        (text.parent, name_key(text.stem)): text
        for place in {root, folder}
        for text in list_files(place, (".txt",), nested=True)
    }
    texts = {file: _label_file(file, folder, root, there) for file in files}
    _check_texts(root, {text for text in texts.values() if text is not None}, names)
    lines = {file: [] if text is None else _lines(text) for file, text in texts.items()}
    layout = choose_layout(
        root, [line for found in lines.values() for line in found], names, reading
    )
    parsed = [
        ParsedImage(file, None, _boxes(file, lines[file], layout, names), split_of(file, folder))
        for file in files
    ]
    return dataset_of(parsed, path, ReaderFindings(f"YOLO ({layout.name})"), list(names.classes))


def _boxes(file: Path, lines: list[Line], layout: Layout, names: YoloNames) -> list[ParsedBox]:
    """Return the boxes of an image, in its pixels."""
    height, width = header_of(file).size
    return [
        ParsedBox(
            line.entry,
            [
                side * scale
                for side, scale in zip(layout.box(line), (width, height) * 2, strict=True)
            ],
            names.of(line.label, line.where),
        )
        for line in lines
    ]


def _label_file(
    image: Path, folder: Path, root: Path, there: Mapping[tuple[Path, str], Path]
) -> Path | None:
    """Return the text file of an image, in whatever letters or Unicode form; None without one."""
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
    for place in places:
        if (exact := place.with_suffix(".txt")).is_file():
            return exact
        if alike := there.get((place.parent, name_key(place.stem))):
            return alike
    return None


def _check_texts(root: Path, used: set[Path], names: YoloNames) -> None:
    """Refuse a text file that holds boxes of an image that is not there."""
    if not used:
        raise AnnotationError(
            f"{root}: found images but no text file of boxes for any of them; "
            "expected labels/NAME.txt for images/NAME.jpg"
        )
    for folder in sorted({text.parent for text in used}):
        for text in list_files(folder, (".txt",)):
            known = text in used or text == names.file or text.name in NAME_FILES
            if not known and _looks_like_boxes(text):
                raise AnnotationError(f"{text}: its image {text.stem}.* is missing")


def _looks_like_boxes(path: Path) -> bool:
    first = next((line.split() for line in read_text(path).splitlines() if line.strip()), [])
    return len(first) >= 5 and first[0].isdigit()


def _lines(text: Path) -> list[Line]:
    rows = enumerate(read_text(text).splitlines(), start=1)
    return [parse_line(row, text, number) for number, row in rows if row.strip()]
