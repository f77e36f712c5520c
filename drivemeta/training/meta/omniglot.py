"""Drawing episodes and pairs from images in memory, and Omniglot as the papers split it.

Lake, Salakhutdinov, Tenenbaum, "Human-level concept learning through probabilistic program
induction", 2015; the split into 1,028, 172 and 423 characters is that of Vinyals et al., 2016,
with rotations by 90 degrees as further classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.errors import InputError

Images = NDArray[np.uint8]
Indices = NDArray[np.int64]
Strings = NDArray[np.str_]
# Of 1,623 characters, as many as Vinyals et al. test and validate on; drawn with this seed.
MIXED_TEST, MIXED_VAL, MIXED_SEED = 423 / 1623, 172 / 1623, 0


@dataclass(frozen=True, eq=False)
class ImagePool:
    """Images of many classes.

    Attributes:
        images: (n_classes, n_each, height, width) uint8 ink, 255 for ink.
        groups: (n_classes,) int64, such as the alphabet each class is of; a turned one is another.
    """

    images: Images
    groups: Indices


@dataclass(frozen=True)
class Shape:
    """What an episode holds.

    Attributes:
        n_way: Number of classes.
        n_shot: Number of support images of each.
        n_query: Number of query images of each.
        n_groups: Number of groups, such as alphabets, that the classes are of in equal parts; 0 for
            any classes.
        same_images: Whether the images are those of the same numbers in all classes: in an alphabet
            of Omniglot those of the same drawers, so that one drew the support and another the
            query, as Lake et al. and Koch et al. test.
    """

    n_way: int
    n_shot: int
    n_query: int
    n_groups: int = 0
    same_images: bool = False


def load_omniglot(
    path: Path, split: str, *, rotations: bool = True, mirrors: bool = False
) -> ImagePool:
    """Read one split of Omniglot.

    Args:
        path: `omniglot28.npz` with `bits` (n, 20, 28, 28) uint8, `alphabet`, `split`, `vinyals`.
        split: `train`, `val` or `test` of Vinyals, `trainval` for the 1,200 characters of the first
            two; `background` or `evaluation` of Lake, `background_train` for the 25 alphabets of
            the background that are not those of `val`; `mixed_train`, `mixed_val`, `mixed_trainval`
            or `mixed_test` of characters drawn at random from all alphabets, always the same ones,
            in parts as large as those of Vinyals.
        rotations: Whether turns by 90 degrees are further classes.
        mirrors: Whether mirrored images, turned or not, are further classes too.

    Raises:
        InputError: the file cannot be read or has no such split.
    """
    bits, alphabets, lake, vinyals = read_omniglot(path, "bits", "alphabet", "split", "vinyals")
    splits = _splits(lake, vinyals)
    if split not in splits or not splits[split].any():
        raise InputError(f"{path}: no split {split!r}; known: {', '.join(splits)}")
    chosen = splits[split]
    images, turns = bits[chosen], range(4 if rotations else 1)
    seen = [np.rot90(images, turn, (2, 3)) for turn in turns]
    if mirrors:
        seen += [turned[..., ::-1] for turned in seen]
    _, groups = np.unique(alphabets[chosen], return_inverse=True)
    of_kind = [groups + kind * (groups.max() + 1) for kind in range(len(seen))]
    return ImagePool(np.concatenate(seen), np.concatenate(of_kind).astype(np.int64))


def read_omniglot(path: Path, *names: str) -> list[NDArray[Any]]:
    """Read arrays of `omniglot28.npz` by name, of one entry a character each.

    Raises:
        InputError: the file cannot be read or lacks one of them.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return [stored[name] for name in names]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"cannot read Omniglot from {path}: {error}") from error


def _splits(lake: Strings, vinyals: Strings) -> dict[str, NDArray[np.bool_]]:
    """Return which characters are of each split, by its name."""
    of_vinyals = {name: vinyals == name for name in ("train", "val", "test")}
    of_lake = {name: lake == name for name in ("background", "evaluation")}
    return {
        **of_vinyals,
        "trainval": of_vinyals["train"] | of_vinyals["val"],
        **of_lake,
        "background_train": of_lake["background"] & of_vinyals["train"],
        **_mixed(len(lake)),
    }


def _mixed(n: int) -> dict[str, NDArray[np.bool_]]:
    """Return which of n characters are of each part of a random split."""
    place = np.random.default_rng(MIXED_SEED).permutation(n)
    n_test, n_val = round(n * MIXED_TEST), round(n * MIXED_VAL)
    return {
        "mixed_train": place >= n_test + n_val,
        "mixed_val": (place >= n_test) & (place < n_test + n_val),
        "mixed_trainval": place >= n_test,
        "mixed_test": place < n_test,
    }


def draw_episode(
    pool: ImagePool, shape: Shape, rng: np.random.Generator
) -> tuple[Indices, Indices, Indices]:
    """Draw one episode.

    Returns:
        The classes (n_way,), and for each its images in the support (n_way, n_shot) and in the
        query (n_way, n_query); no image is in both.

    Raises:
        InputError: the pool has too few classes or images.
    """
    n_each, needed = pool.images.shape[1], shape.n_shot + shape.n_query
    if n_each < needed:
        raise InputError(f"expected {needed} images a class for an episode, found {n_each}")
    classes = _draw_classes(pool.groups, shape.n_way, shape.n_groups, rng)
    n_orders = 1 if shape.same_images else shape.n_way
    order = rng.random((n_orders, n_each)).argsort(1)[:, :needed]
    order = np.broadcast_to(order, (shape.n_way, needed))
    return classes, order[:, : shape.n_shot], order[:, shape.n_shot :]


def _draw_classes(groups: Indices, n_way: int, n_groups: int, rng: np.random.Generator) -> Indices:
    if not n_groups:
        if len(groups) < n_way:
            raise InputError(f"expected {n_way} classes for an episode, found {len(groups)}")
        return rng.choice(len(groups), n_way, replace=False)
    of_each, rest = divmod(n_way, n_groups)
    if rest:
        raise InputError(f"{n_way} classes cannot be of {n_groups} groups in equal parts")
    sizes = np.bincount(groups)
    large = np.flatnonzero(sizes >= of_each)
    if len(large) < n_groups:
        raise InputError(
            f"expected {n_groups} groups of {of_each} classes for an episode, found {len(large)}; "
            f"the largest group has {sizes.max()}"
        )
    drawn = []
    for _ in range(n_groups):
        group = rng.choice(large)
        large = large[large != group]
        drawn.append(rng.choice(np.flatnonzero(groups == group), of_each, replace=False))
    return np.concatenate(drawn)


def draw_pairs(
    pool: ImagePool, n_pairs: int, rng: np.random.Generator
) -> tuple[Indices, Indices, NDArray[np.bool_]]:
    """Draw pairs, the first half of one class, the rest of two classes, half of those of one group.

    Returns:
        Left and right as (n_pairs, 2) class and image, and (n_pairs,) whether they are the same.
    """
    n_classes, n_each = pool.images.shape[:2]
    same = np.arange(n_pairs) < n_pairs // 2
    left = np.stack([rng.integers(n_classes, size=n_pairs), rng.integers(n_each, size=n_pairs)], 1)
    right = left.copy()
    right[:, 1] = (left[:, 1] + rng.integers(1, n_each, size=n_pairs)) % n_each
    for index in np.flatnonzero(~same):
        of_group = np.flatnonzero(pool.groups == pool.groups[left[index, 0]])
        near = index % 2 == 0 and len(of_group) > 1
        others = of_group if near else np.arange(n_classes)
        right[index, 0] = rng.choice(others[others != left[index, 0]])
    return left, right, same
