"""Finding the picture that an annotation names, however its tool wrote the name."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from drivemeta.data.readers.parsed import split_in
from drivemeta.data.readers.values import short
from drivemeta.errors import AnnotationError
from drivemeta.files import IMAGE_SUFFIXES, is_foreign, list_images

_USUAL = ("images", "Images", "JPEGImages", "data")
_OF_ANNOTATIONS = frozenset(
    {"annotations", "annotation", "labels", "label", "json", "jsons", "xml", "xmls"}
)
_DEPTH = 2  # of sub-folders that are looked through for a bare name
_MOST_NAMES = 5000  # that a name is compared with for a hint
_ROOTED = re.compile(r"^(?:[A-Za-z]:/|[A-Za-z][A-Za-z0-9+.-]+://|/)")


def finders_beside(
    files: Sequence[Path], root: Path, images: str | Path | None
) -> dict[Path, ImageFinder]:
    """Return a finder for each folder of annotation files.

    Args:
        files: Annotation files, one an image.
        root: Folder of the whole set.
        images: Folder of the images, None for the usual ones.
    """
    return {
        folder: ImageFinder(
            [Path(images)] if images is not None else usual_folders(folder, root),
            split_in(folder.relative_to(root).parts),
        )
        for folder in sorted({file.parent for file in files})
    }


def usual_folders(beside: Path, root: Path | None = None) -> list[Path]:
    """Return where pictures usually lie for an annotation file.

    Args:
        beside: Folder of the file.
        root: Folder of the whole set, the same as `beside` if None.
    """
    folders = [beside]
    top = root or beside
    while folders[-1] != top and top in folders[-1].parents:
        folders.append(folders[-1].parent)
    if folders[-1].name.lower() in _OF_ANNOTATIONS:
        folders.append(folders[-1].resolve().parent)
    return [place for folder in folders for place in (folder, *(folder / n for n in _USUAL))]


@dataclass(frozen=True)
class _Listed:
    """The pictures of one folder, by what their names and stems have in common."""

    by_name: dict[str, list[Path]]
    by_stem: dict[str, list[Path]]

    @classmethod
    def of(cls, folder: Path) -> _Listed:
        listed = cls(defaultdict(list), defaultdict(list))
        for path in list_images(folder):
            listed.by_name[name_key(path.name)].append(path)
            listed.by_stem[name_key(_stem(path.name))].append(path)
        return listed


class ImageFinder:
    """Finds pictures in given folders, the usual ones in them, and sub-folders; never outside.

    Args:
        folders: Where to look, best first.
        split: Part of a data set (train, val or test) that the annotations are of, if told.
    """

    def __init__(self, folders: Sequence[Path], split: str = "") -> None:
        places = [
            place
            for folder in folders
            for place in (folder, *(folder / n for n in _USUAL))
            if place == folder or place.is_dir()
        ]
        self._folders = list(dict.fromkeys(place for place in places if place.is_dir()))
        self._split = split
        self._named = [str(folder) for folder in dict.fromkeys(folders)][:4]
        self._listed: dict[Path, _Listed] = {}
        self._inner_folders: dict[Path, list[Path]] = {}
        self.renamed: list[str] = []

    def find(self, name: object, entry: str, subset: str = "", stem: str = "") -> Path:
        """Return the picture that an annotation names.

        The name is taken as it is; then its last parts, where it is absolute, of Windows or leads
        upwards; then in another Unicode form, in other letters, and without its missing suffix.

        Args:
            name: As annotated.
            entry: Who names it, for messages.
            subset: Folder that the annotation says it is in, if any.
            stem: Of the annotation file, for formats of one file an image: it may stand for a
                name that is absent or has another suffix.

        Raises:
            AnnotationError: No folder has it, or several pictures can be meant.
        """
        if not isinstance(name, str):
            raise AnnotationError(f"{entry}: expected the name of an image, found {short(name)}")
        parts = _inner(name)
        ways = [parts[i:] for i in range(len(parts))]
        if subset and not is_foreign(subset):
            ways = [(*_inner(subset), *way) for way in ways] + ways
        found = self._exact(ways) or self._alike(ways, entry) or self._below(ways[:1], entry)
        if found is None and stem and (not parts or _stem(parts[-1]) == stem):
            found = self._alike([(stem,)], entry)
        if found is None:
            raise self._missing(name, entry, stem)
        own_stem = _stem(stem)  # a.jpg.json is of a.jpg as a.json is
        renamed = stem and name_key(_stem(found.name)) != name_key(own_stem)
        if renamed and (own := self._alike([(own_stem,)], entry)):
            raise AnnotationError(
                f"{entry}: names {short(name)}, but {own.name} is called like itself: of which of "
                "the two is it? Correct the name in it, or rename the file"
            )
        self._check_folder(name, (subset, *parts), found, entry)
        return found

    def _check_folder(self, name: str, parts: tuple[str, ...], found: Path, entry: str) -> None:
        """Note a picture found elsewhere than annotated; refuse one of another folder's.

        A folder that the annotation names decides, unless it is one of another machine. Of a part
        of a data set (train, val, test) it decides even then.
        """
        where = next((f for f in self._folders if found.is_relative_to(f)), found.parent)
        above, below = parts[1:-1], found.relative_to(where).parts[:-1]
        same = not above or name_key(above[-1]) == name_key(found.parent.name)
        strange = not same and found.parent not in self._folders
        decides = strange and not _is_elsewhere(name) and above[-1] not in _USUAL
        splits = {self._split, split_in(parts[:-1]), split_in(below)} - {""}
        if decides or len(splits) > 1:
            raise AnnotationError(
                f"{entry}: the image {short(name)} is missing; there is one of that name in "
                f"{found.parent}, another folder. Give the folder of the right one (--images)"
            )
        if found.name != parts[-1]:
            self.renamed.append(f"{found.name} for {short(name)}")
        elif strange:
            self.renamed.append(f"{found.relative_to(where)} for {short(name)}")

    def _exact(self, ways: Sequence[tuple[str, ...]]) -> Path | None:
        for way in ways:
            for folder in self._folders:
                if _is_file(path := folder.joinpath(*way)):
                    return path
        return None

    def _alike(self, ways: Sequence[tuple[str, ...]], entry: str) -> Path | None:
        """Return the picture whose name differs in letters or Unicode form, or has a suffix."""
        for way in ways:
            for folder in self._folders:
                if found := self._of(folder.joinpath(*way[:-1]), way[-1]):
                    return _only(found, way[-1], entry)
        return None

    def _below(self, ways: Sequence[tuple[str, ...]], entry: str) -> Path | None:
        for way in ways:
            found = [
                path
                for folder in self._folders
                for inner in self._below_of(folder)
                for path in self._of(inner, way[-1])
            ]
            above = name_key(way[-2]) if len(way) > 1 else ""
            found = [path for path in found if name_key(path.parent.name) == above] or found
            if found:
                return _only(found, way[-1], entry)
        return None

    def _of(self, folder: Path, name: str) -> list[Path]:
        """Return the pictures of a folder whose names are that one but for letters or suffix."""
        if folder not in self._listed:
            self._listed[folder] = _Listed.of(folder)
        listed, key = self._listed[folder], name_key(name)
        same = listed.by_name.get(key, [])
        return same if same or _stem(name) != name else listed.by_stem.get(key, [])

    def _below_of(self, folder: Path) -> list[Path]:
        if folder not in self._inner_folders:
            self._inner_folders[folder] = list(_sub_folders(folder))
        return self._inner_folders[folder]

    def _missing(self, name: str, entry: str, stem: str) -> AnnotationError:
        there = [p.name for folder in self._folders for p in list_images(folder)]
        bare = _inner(name)[-1] if _inner(name) else stem
        near = difflib.get_close_matches(bare, there[:_MOST_NAMES], n=1)
        hint = f". Did you mean {near[0]!r}?" if near else "."
        return AnnotationError(
            f"{entry}: the image {short(name)} is missing; looked in "
            f"{', '.join(self._named)}{hint} Give the folder of the images (--images) if they are "
            "elsewhere"
        )


def _inner(name: str) -> tuple[str, ...]:
    """Return the parts of a name after what leads out of its folder."""
    text = name.strip().split("?d=")[-1].replace("\\", "/")  # Label Studio: local-files/?d=a/b.jpg
    if "://" in text:
        text = text.partition("?")[0]
    if rooted := _ROOTED.match(text):
        text = text[rooted.end() :]
    parts = [part for part in PurePosixPath(text).parts if part not in (".", "/", "//")]
    outwards = [i for i, part in enumerate(parts) if part == ".."]
    return tuple(parts[outwards[-1] + 1 :] if outwards else parts)


def _is_elsewhere(name: str) -> bool:
    """Tell whether a name is absolute, of Windows, an address, or leads upwards."""
    text = name.strip().replace("\\", "/")
    return bool(_ROOTED.match(text)) or "?d=" in text or ".." in PurePosixPath(text).parts


def _stem(name: str) -> str:
    """Return a name without the suffix of a picture; other dots make no suffix."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in IMAGE_SUFFIXES else name


def name_key(name: str) -> str:
    """Return what names have in common that differ in letters or Unicode form alone."""
    return unicodedata.normalize("NFC", unquote(name)).casefold()


def _sub_folders(folder: Path, depth: int = _DEPTH) -> Iterator[Path]:
    try:
        inner = sorted(p for p in folder.iterdir() if p.is_dir() and not is_foreign(p.name))
    except OSError:
        return
    for path in inner:
        yield path
        if depth > 1:
            yield from _sub_folders(path, depth - 1)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or no name
        return False


def _only(found: Sequence[Path], name: str, entry: str) -> Path:
    distinct = sorted({path.resolve(): path for path in found}.values())
    if len(distinct) > 1:
        raise AnnotationError(
            f"{entry}: {short(name)} may be {distinct[0]} or {distinct[1]}; give the folder of "
            "the right one (--images), or rename"
        )
    return distinct[0]
