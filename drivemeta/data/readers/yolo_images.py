"""The images that the yaml of a YOLO set names as its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path

from drivemeta.data.dataset import SetAside
from drivemeta.data.readers.files import read_text
from drivemeta.data.readers.finder import ImageFinder, usual_folders
from drivemeta.data.readers.parsed import named, split_of
from drivemeta.data.readers.yolo_names import YoloNames
from drivemeta.errors import AnnotationError
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
        AnnotationError: An image of a list is missing, or no picture that is read.
    """
    parts = {
        split: [image for part in of_split for image in _part(part, names.base, root)]
        for split, of_split in names.parts.items()
    }
    if folder != root or not any(parts.values()):
        return ChosenImages({image: split_of(image, folder) for image in images})
    known = set(images)
    strange = [image for found in parts.values() for image in found if image not in known]
    if strange:
        raise AnnotationError(
            f"{names.file}: names {strange[0]}, which is no picture that is read (hidden, or of "
            "another kind)"
        )
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
    """Return the images of a folder, of a list in a text file, or none if neither is there."""
    text = part.replace("\\", "/")
    inner = text
    while inner.startswith("../"):  # as Roboflow writes, of what lies beside the yaml
        inner = inner[3:]
    for place in (root / base / text, root / text, root / inner):
        if (path := _within(place, root)) is None:
            continue
        with suppress(OSError):  # a name that is too long
            if path.is_dir():
                return list_images(path, nested=True)
            if path.suffix.lower() == ".txt" and path.is_file():
                return _listed(path, root)
    return []


def _within(place: Path, root: Path) -> Path | None:
    """Return a path as one below the root, None if it lies elsewhere."""
    absolute = Path(normpath(place.absolute()))
    above = Path(normpath(root.absolute()))
    return root / absolute.relative_to(above) if absolute.is_relative_to(above) else None


def _listed(path: Path, root: Path) -> list[Path]:
    finder = ImageFinder(usual_folders(path.parent, root))
    lines = enumerate(read_text(path).splitlines(), start=1)
    return [finder.find(row, f"{path}: line {n}") for n, row in lines if row.strip()]
