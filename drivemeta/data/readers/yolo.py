"""YOLO: `data.yaml` (or `classes.txt`), images, and a text file of boxes for each image."""

from __future__ import annotations

from pathlib import Path

from drivemeta.data.dataset import Dataset
from drivemeta.data.readers.files import header_of, read_text, unread_pictures
from drivemeta.data.readers.parsed import (
    ParsedBox,
    ParsedImage,
    ReaderFindings,
    dataset_of,
    without_annotations,
)
from drivemeta.data.readers.reading import AS_IT_IS, Reading
from drivemeta.data.readers.yolo_images import chosen_images
from drivemeta.data.readers.yolo_lines import Layout, Line, choose_layout, parse_line
from drivemeta.data.readers.yolo_names import NAME_FILES, YoloNames, find_names
from drivemeta.data.readers.yolo_texts import texts_of, unread_texts
from drivemeta.errors import AnnotationError
from drivemeta.files import IMAGE_SUFFIXES, list_images

__all__ = ["NAME_FILES", "read_yolo"]


def read_yolo(
    path: str | Path, images: str | Path | None = None, reading: Reading = AS_IT_IS
) -> Dataset:
    """Read a YOLO folder: Ultralytics', Roboflow's and Darknet's layouts.

    The text file of `images/a/b.jpg` is `labels/a/b.txt`, or lies beside the image. An image
    whose text file is empty or absent has no objects. Where the yaml names folders or lists of
    images that are there, the others are set aside. What the lines hold is told for the whole
    set: boxes (with confidence or track), polygons (oriented boxes too), or poses.

    Args:
        path: Folder, or its `data.yaml` or other file of class names.
        images: Folder of the images, if they are not in the folder.
        reading: What the lines hold, where they leave it open, see `Reading.yolo`.

    Raises:
        AnnotationError: no class names, no images, a line that is no box, a class id without
            a name, lines that can be read in two ways, a text file without its image, or one that
            may be of two; names the file and the line.
    """
    path = Path(path)
    names = find_names(path)
    root = path if path.is_dir() else path.parent
    folder = Path(images) if images is not None else root
    files = list_images(folder, nested=True)
    if not files:
        parts = ", ".join(dict.fromkeys(part for named in names.parts.values() for part in named))
        hint = f"; the yaml names {parts}: give their folder (--images)" if parts else ""
        raise AnnotationError(
            f"{folder}: expected images ({', '.join(IMAGE_SUFFIXES)}), found none{hint}"
        )
    texts = texts_of(files, folder, root)
    aside = [*unread_texts(root, texts), *unread_pictures(folder, folder, nested=True)]
    chosen = chosen_images(names, root, folder, files)
    lines = {file: _lines(texts[file]) for file in chosen.splits}
    layout = choose_layout(
        root, [line for found in lines.values() for line in found], names, reading
    )
    parsed = [
        ParsedImage(file, None, _boxes(_size(file, reading), lines[file], layout, names), split)
        for file, split in chosen.splits.items()
    ]
    notes = without_annotations([file for file in chosen.splits if texts[file] is None])
    found = ReaderFindings(f"YOLO ({layout.name})", [*aside, *chosen.set_aside], notes=notes)
    return dataset_of(parsed, path, found, list(names.classes))


def _size(file: Path, reading: Reading) -> tuple[int, int]:
    """Return the height and width that lines are relative to."""
    header = header_of(file)
    return header.stored_size if reading.exif == "stored" else header.size


def _boxes(
    size: tuple[int, int], lines: list[Line], layout: Layout, names: YoloNames
) -> list[ParsedBox]:
    """Return the boxes of an image of a height and width, in its pixels."""
    height, width = size
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


def _lines(text: Path | None) -> list[Line]:
    rows = enumerate(read_text(text).splitlines(), start=1) if text is not None else ()
    return [parse_line(row, text, number) for number, row in rows if text and row.strip()]
