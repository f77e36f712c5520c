"""Which text file of boxes belongs to which image of a YOLO set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from drivemeta.data.dataset import SetAside
from drivemeta.data.re_encoded import is_same_picture
from drivemeta.data.readers.files import read_bytes, read_text
from drivemeta.data.readers.finder import name_key
from drivemeta.data.readers.yolo_lines import parse_line
from drivemeta.data.readers.yolo_names import NAME_FILES
from drivemeta.errors import AnnotationError
from drivemeta.files import list_files

_LABELS = ("labels", "Labels")
_Texts = Mapping[tuple[Path, str], Path]


def texts_of(images: Sequence[Path], folder: Path, root: Path) -> dict[Path, Path | None]:
    """Return the text file of each image, None for those that have none.

    Args:
        images: Images in the folder.
        folder: Folder of the images.
        root: Folder of the set, where its labels are.

    Raises:
        AnnotationError: No image has one, one may be of two images that differ, or two that
            differ may be of one image.
    """
    there = {
        (text.parent, name_key(text.stem)): text
        for place in {root, folder}
        for text in list_files(place, (".txt",), nested=True)
    }
    texts = {image: _text_of(image, folder, root, there) for image in images}
    if not any(texts.values()):
        raise AnnotationError(
            f"{root}: found images but no text file of boxes for any of them; "
            "expected labels/NAME.txt for images/NAME.jpg"
        )
    owners: dict[Path, list[Path]] = defaultdict(list)
    for image, text in texts.items():
        if text is not None:
            owners[text].append(image)
    for text, named in owners.items():
        for other in named[1:] and _strangers(text, named):
            texts[other] = None
    return texts


def _strangers(text: Path, images: Sequence[Path]) -> list[Path]:
    """Return those of several images of one text file whose names differ from it in letters."""
    own = [image for image in images if image.stem == text.stem] or list(images)
    for other in own[1:]:
        if not is_same_picture(own[0], other):
            raise AnnotationError(
                f"{text}: may be of {own[0].name} or of {other.name}, which differ; remove or "
                "rename one"
            )
    return [image for image in images if image not in own]


def unread_texts(root: Path, texts: Mapping[Path, Path | None]) -> list[SetAside]:
    """Return the text files of boxes whose images are not there, in folders of their own.

    Raises:
        AnnotationError: One lies among those of images that are there.
    """
    used = {text for text in texts.values() if text is not None}
    folders = {text.parent for text in used}
    aside = []
    for text in sorted({*list_files(root, (".txt",), nested=True), *_beside(folders)} - used):
        if not looks_like_boxes(text):
            continue
        if text.parent in folders:
            raise AnnotationError(f"{text}: its image {text.stem}.* is missing")
        what = "the text file of boxes"
        aside.append(SetAside(str(text.relative_to(root)), what, "its image is not there"))
    return aside


def _beside(folders: set[Path]) -> list[Path]:
    return [text for folder in folders for text in list_files(folder, (".txt",))]


def looks_like_boxes(path: Path) -> bool:
    """Tell whether a text file holds lines of numbers, as those of YOLO are."""
    if path.name in NAME_FILES:
        return False
    try:
        first = next((line for line in read_text(path).splitlines() if line.strip()), "")
        parse_line(first, path, 1)
    except AnnotationError:  # no text, or no such line
        return False
    return True


def _text_of(image: Path, folder: Path, root: Path, there: _Texts) -> Path | None:
    """Return the text file of an image, in whatever letters or Unicode form; None without one."""
    inner = image.relative_to(folder)
    named = folder.resolve().name.lower() == "images"
    places = [
        *(root / path for path in _swapped(inner)),
        image,
        *(root / labels / inner for labels in _LABELS),
        root / inner,
        *(folder.resolve().parent / labels / inner for labels in _LABELS if named),
    ]
    found = [text for place in dict.fromkeys(places) if (text := _at(place, there))]
    for other in found[1:]:
        if not other.samefile(found[0]) and read_bytes(other) != read_bytes(found[0]):
            raise AnnotationError(f"{image}: {found[0]} and {other} may be its boxes; remove one")
    return found[0] if found else None


def _at(place: Path, there: _Texts) -> Path | None:
    exact = place.with_suffix(".txt")
    return exact if exact.is_file() else there.get((place.parent, name_key(place.stem)))


def _swapped(inner: Path) -> list[Path]:
    """Return a path with `labels` in the place of `images`, the last such place first."""
    parts = inner.parts
    return [
        Path(*parts[:i], labels, *parts[i + 1 :])
        for i in reversed(range(len(parts) - 1))
        if parts[i].lower() == "images"
        for labels in _LABELS
    ]
