"""The class names of a YOLO set, and the shape of its key points, as its files write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from drivemeta.data.readers.files import read_text
from drivemeta.data.readers.values import as_id, as_name
from drivemeta.errors import AnnotationError
from drivemeta.files import list_files

_MOST_SHOWN = 20
_WITH_NAMES = ("labels", "train", "valid", "val", "test")  # folders that may hold the names
PARTS = ("train", "val", "test")
NAME_FILES = (
    "data.yaml",
    "data.yml",
    "dataset.yaml",
    "dataset.yml",
    "classes.txt",
    "obj.names",
    "_darknet.labels",
)


@dataclass(frozen=True)
class YoloNames:
    """Classes of a set in the order of their ids.

    Attributes:
        file: Where they stand.
        classes: Their names.
        key_points: How many key points a pose has, and numbers a point; None if it is no pose set.
        parts: Folders or lists of images by `train`, `val` and `test`, as the yaml names them.
        base: Its `path`, which they are relative to.
    """

    file: Path
    classes: tuple[str, ...]
    key_points: tuple[int, int] | None = None
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    base: str = ""

    def of(self, label: int, where: str) -> str:
        """Return the name of a class id.

        Raises:
            AnnotationError: It has none.
        """
        if not 0 <= label < len(self.classes):
            raise AnnotationError(
                f"{where}: class id {label} has no name; names are given for "
                f"0..{len(self.classes) - 1}"
            )
        return self.classes[label]


def find_names(path: Path) -> YoloNames:
    """Return the class names of a folder, or of its file of names.

    Raises:
        AnnotationError: There are none, they are no names, or two files of a folder differ.
    """
    files = [path] if path.is_file() else name_files(path)
    if not files:
        raise AnnotationError(
            f"{path}: expected the class names in one of {', '.join(NAME_FILES)}, found none"
        )
    first, *others = [_names(file) for file in files]
    for other in others:
        if other.classes != first.classes:
            raise AnnotationError(
                f"{path}: {first.file.relative_to(path)} and {other.file.relative_to(path)} name "
                "the classes differently; give the right one instead of the folder"
            )
    return first


def name_files(folder: Path) -> list[Path]:
    """Return the files of class names that a folder, its labels or its parts have, best first.

    A yaml or `.names` of another name counts where there is none of the usual ones.
    """
    parts = [path for path in _sub_folders(folder) if path.name.lower() in _WITH_NAMES]
    places = [folder, *parts]
    usual = [place / name for place in places for name in NAME_FILES if (place / name).is_file()]
    others = list_files(folder, (".yaml", ".yml", ".names"))
    return usual or [path for path in others if _names_classes(path)]


def _sub_folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _names_classes(path: Path) -> bool:
    try:
        return bool(find_names(path).classes)
    except AnnotationError:  # any other yaml
        return False


def _names(file: Path) -> YoloNames:
    text = read_text(file)
    if file.suffix.lower() in {".yaml", ".yml"}:
        return _of_yaml(file, text)
    lines = text.rstrip().splitlines()
    if not lines:
        raise AnnotationError(f"{file}: expected a class name on each line, found none")
    return YoloNames(file, _distinct(file, lines))


def _of_yaml(path: Path, text: str) -> YoloNames:
    """Read the nodes, not the values: `on`, `no` and `010` are names, and aliases stay small."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        fault = str(error) or type(error).__name__
        raise AnnotationError(f"{path}: expected YAML, found a fault: {fault}") from error
    entries = _mapping(path, root) or {}
    names = _listed(path, entries.get("names"))
    shape = [_text(node) for node in _items(entries.get("kpt_shape"))]
    if shape and (len(shape) != 2 or not all(part.isdigit() for part in shape)):
        raise AnnotationError(f"{path}: expected kpt_shape: [points, 2 or 3], found {shape}")
    key_points = (int(shape[0][:6]), int(shape[1][:6])) if shape else None
    n_classes = _text(entries["nc"]).strip() if "nc" in entries else ""
    if n_classes.isdecimal() and n_classes != str(len(names)):
        raise AnnotationError(f"{path}: says nc: {n_classes[:20]}, but names {len(names)} classes")
    parts = {
        key: tuple(filter(None, map(_text, _items(entries[key]) or [entries[key]])))
        for key in PARTS
        if key in entries
    }
    base = _text(entries["path"]) if "path" in entries else ""
    return YoloNames(path, _distinct(path, names), key_points, parts, base)


def _listed(path: Path, node: yaml.Node | None) -> list[str]:
    names = [_text(item) for item in _items(node)]
    if mapping := _mapping(path, node):
        by_id = {as_id(key, f"{path}: names"): _text(item) for key, item in mapping.items()}
        if set(by_id) != set(range(len(mapping))):
            ids = ", ".join(map(str, list(by_id)[:_MOST_SHOWN]))
            raise AnnotationError(
                f"{path}: expected 'names' for the ids 0 to {len(mapping) - 1}, found {ids}"
            )
        names = [by_id[i] for i in range(len(by_id))]
    if not names:
        raise AnnotationError(
            f"{path}: expected 'names', a list of class names or a mapping from 0, 1, ... to them"
        )
    return names


def _mapping(path: Path, node: yaml.Node | None) -> dict[str, yaml.Node] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    found = {_text(key): value for key, value in node.value}
    if len(found) < len(node.value):  # YAML would take the last in silence
        keys = Counter(_text(key) for key, _ in node.value)
        raise AnnotationError(f"{path}: the key {keys.most_common(1)[0][0][:40]!r} stands twice")
    return found


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _text(node: yaml.Node) -> str:
    """Return a scalar as it is written, an empty text of anything else."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _distinct(path: Path, names: list[str]) -> tuple[str, ...]:
    found = [as_name(name, f"{path}: class {i}") for i, name in enumerate(names)]
    twice = sorted(name for name, count in Counter(found).items() if count > 1)
    if twice:
        raise AnnotationError(f"{path}: class names must be unique, found twice: {twice}")
    return tuple(found)
