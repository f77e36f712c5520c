"""The images that the yaml of a YOLO set names as its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drivemeta.data.dataset import SetAside
from drivemeta.data.readers.files import read_text
from drivemeta.data.readers.finder import ImageFinder, usual_folders
from drivemeta.data.readers.parsed import named, split_of
from drivemeta.data.readers.yolo_names import YoloNames
from drivemeta.files import list_images


@dataclass(frozen=True)
class ChosenImages:
    """The images of a set.

    Attributes:
        splits: The attribute `split` of each image, if there is one.
        set_aside: Images in its folder that are in none of its parts.
    """

    splits: Mapping[Path, Mapping[str, str]]
    set_aside: Sequence[SetAside] = field(default_factory=list)


def chosen_images(
    names: YoloNames, root: Path, folder: Path, images: Sequence[Path]
) -> ChosenImages:
    """Return the images of the yaml's parts, those of one not there left out; else all.

    Args:
        names: What the yaml says.
        root: Its folder; parts outside of it count as not there.
        folder: Folder of the images; if it is another one, all of its images count.
        images: Those in it.

    Raises:
        AnnotationError: An image of a list is missing.
    """
    parts = {
        split: [image for part in named_parts for image in _part(part, names.base, root)]
        for split, named_parts in names.parts.items()
    }
    if folder != root or not any(parts.values()):
        return ChosenImages({image: split_of(image, folder) for image in images})
    splits: dict[Path, Mapping[str, str]] = {}
    for split, found in parts.items():
        for image in found:
            splits.setdefault(image, {"split": split})
    left = [image for image in images if image not in splits]
    if not left:
        return ChosenImages(splits)
    why = f"in none of the parts of the set ({', '.join(parts)})"
    return ChosenImages(splits, [SetAside(names.file.name, named(left, "picture"), why)])


def _part(part: str, base: str, root: Path) -> list[Path]:
    """Return the images of a folder, of a list in a text file, or the one of that name."""
    text = part.replace("\\", "/")
    inner = text
    while inner.startswith("../"):  # as Roboflow writes, of what lies beside the yaml
        inner = inner[3:]
    for place in (root / base / text, root / text, root / inner):
        if not place.resolve().is_relative_to(root.resolve()):
            continue
        if place.is_dir():
            return list_images(root / place.relative_to(root), nested=True)
        if place.suffix.lower() == ".txt" and place.is_file():
            finder = ImageFinder(usual_folders(place.parent, root))
            lines = enumerate(read_text(place).splitlines(), start=1)
            return [finder.find(row, f"{place}: line {n}") for n, row in lines if row.strip()]
    return []
