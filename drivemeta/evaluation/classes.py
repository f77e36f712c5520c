"""Which category of the data is which class of the model, and which classes are scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivemeta.data.dataset import Dataset
from drivemeta.errors import ConfigError, InputError, suggest
from drivemeta.files import read_yaml


class NamedClass(Protocol):
    """A class as the bank (`ClassSpec`) and the manifest of a model list it."""

    @property
    def name(self) -> str:
        """Unique name."""

    @property
    def parent(self) -> str | None:
        """The super-class it is a kind of, or None."""

    @property
    def origin(self) -> str:
        """`base` or `novel`."""


@dataclass(frozen=True)
class ClassTree:
    """The classes of a model, in the order of its labels.

    Attributes:
        names: Names of all classes.
        parents: Super-class of each, None for a super-class.
        origins: `base` or `novel`.
    """

    names: tuple[str, ...]
    parents: tuple[str | None, ...]
    origins: tuple[str, ...]

    @classmethod
    def of(cls, classes: Sequence[NamedClass]) -> ClassTree:
        """Take the tree from the classes of a bank or a manifest."""
        return cls(
            tuple(c.name for c in classes),
            tuple(c.parent for c in classes),
            tuple(c.origin for c in classes),
        )

    def below(self, name: str) -> NDArray[np.int64]:
        """Return the labels that count as a class: its own and those of its leaves."""
        pairs = enumerate(zip(self.names, self.parents, strict=True))
        return np.array([label for label, pair in pairs if name in pair], np.int64)

    def origin(self, name: str) -> str:
        """Return the origin of a class."""
        return self.origins[self.names.index(name)]


def read_class_map(path: str | Path) -> dict[str, str]:
    """Read `map.yaml`: data category to model class, one a line (`car: vehicle`).

    Raises:
        ConfigError: the file is missing or holds anything else.
    """
    path = Path(path)
    content = read_yaml(path, "the map of classes")
    if not isinstance(content, dict) or not all(
        isinstance(key, str | int) and isinstance(value, str) for key, value in content.items()
    ):
        raise ConfigError(
            f"{path}: expected lines 'data category: model class' (as 'car: vehicle'), "
            f"found {str(content)[:80]!r}"
        )
    return {str(key): value for key, value in content.items()}


def match_classes(
    dataset: Dataset, tree: ClassTree, mapping: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return data category to model class for all that are to be scored.

    Categories that the mapping does not name match the class of the same name; upper case,
    blanks and hyphens make no difference.

    Raises:
        ConfigError: the mapping names a category or a class that does not exist.
        InputError: nothing matches, or no box is of what does.
    """
    mapping = mapping or {}
    faults = [
        f"the data has no category {name!r}; {suggest(name, dataset.classes)}"
        for name in mapping
        if name not in dataset.classes
    ] + [
        f"the model has no class {name!r}; {suggest(name, tree.names)}"
        for name in mapping.values()
        if name not in tree.names
    ]
    if faults:
        raise ConfigError("map of classes: " + "; ".join(faults))
    plain = {_plain(name): name for name in tree.names}
    found = {name: plain[_plain(name)] for name in dataset.classes if _plain(name) in plain}
    found |= dict(mapping)
    if not found:
        raise InputError(
            f"{dataset.source}: none of its categories ({', '.join(dataset.classes[:20])}) is a "
            f"class of the model ({', '.join(tree.names[:20])}); name the matches in a map.yaml"
        )
    counts = dataset.n_boxes()
    if not any(counts[name] for name in found):
        boxes = ", ".join(f"{name} {n}" for name, n in counts.items() if n) or "none at all"
        raise InputError(
            f"{dataset.source}: expected boxes of {', '.join(found)}, found {boxes}; name the "
            "matches in a map.yaml"
        )
    return found


def left_out(dataset: Dataset, matched: Collection[str]) -> dict[str, int]:
    """Return the categories that no class of the model matches, with their numbers of boxes."""
    return {name: n for name, n in dataset.n_boxes().items() if name not in matched}


def _plain(name: str) -> str:
    return name.casefold().replace(" ", "_").replace("-", "_")
