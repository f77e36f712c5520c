"""The bases that are adapted: the shipped one, and variants whose level 2 never met some meanings.

A variant shares level 1. Its named banks, the distractors of adaptation, are built from the crops
that its level 2 was trained on, so they lack those meanings too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from safetensors.torch import load_file

from drivemeta.banks import named
from drivemeta.config import load_config
from drivemeta.core import BankRows, ClassBank
from drivemeta.errors import ModelFileError
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import Level2
from drivemeta.paths import INT8_RANGES, NAMED_BANKS
from drivemeta.training.base.embedding import EmbeddingTraining, training_crops
from tools.base.build import named_banks
from tools.fewshot.networks import digest, in_int8, on_onnx_runtime

AVERAGE = "average."


@dataclass(frozen=True, eq=False)
class Base:
    """A detector to adapt.

    Attributes:
        name: Name in the rows of the table, as `seen abroad`.
        plain: Detector as a user has it.
        fast: The same on ONNX Runtime, level 1 remembered.
        banks: Folder of the named banks.
        int8: The same in int8, which what was learnt is scored on; None for `fast`.
    """

    name: str
    plain: TwoLevelDetector
    fast: TwoLevelDetector
    banks: Path
    int8: TwoLevelDetector | None = None

    @property
    def scored(self) -> TwoLevelDetector:
        """Return the detector whose networks find in the images that are scored."""
        return self.fast if self.int8 is None else self.int8

    @property
    def key(self) -> str:
        """Name everything that a result depends on: weights, rows, constants, banks."""
        found = hashlib.sha256(f"{self.plain.scoring} {self.plain.input_size}".encode())
        for network in (self.plain.level1, self.plain.level2):
            found.update(digest(network).encode())
        for rows in (self.plain.bank.dense, self.plain.bank.crop):
            for array in (rows.weights, rows.biases, rows.owners, rows.roots):
                found.update(array.tobytes())
        for path in sorted(self.banks.glob("*.safetensors")):
            found.update(path.read_bytes())
        if self.plain.own is not None:
            found.update(self.plain.own.graph.SerializeToString(deterministic=True))
        if self.int8 is not None:
            found.update(b"int8" + INT8_RANGES.read_bytes())
        return found.hexdigest()[:16]


def shipped(name: str, detector: TwoLevelDetector, cache: Path | None) -> Base:
    """Return a detector with the banks that ship with the package."""
    return Base(name, detector, on_onnx_runtime(detector, cache), NAMED_BANKS)


def quantised(base: Base, cache: Path | None) -> Base:
    """Return a base that is adapted as it is, and scored in int8 by the ranges that ship.

    Raises:
        InputError: Those are of other networks.
    """
    return replace(base, name=f"{base.name}, int8", int8=in_int8(base.plain, cache))


def variant(name: str, detector: TwoLevelDetector, level2: Path, config: Path, cache: Path) -> Base:
    """Return a detector with another level 2, and the banks that its crops give.

    Args:
        name: Name of the base.
        detector: Detector that gives level 1, its rows and the constants; rows of its level 2 are
            dropped.
        level2: File of weights as `drivemeta train embedding` writes them.
        config: Configuration that level 2 was trained by; says which crops there were.
        cache: Folder that keeps the banks.
    """
    network = read_level2(level2)
    bank = _super_classes(detector.bank, network.dim)
    other = detector.with_(level2=network, bank=bank).eval()
    fast = on_onnx_runtime(other, cache)
    folder = _build_banks(fast, network, config, cache)
    with banks_in(folder):
        lights = named.load_bank("lights")
    if set(lights.names) != {named.BACKGROUND}:
        bank = named.with_named(bank, lights)
    return Base(name, other.with_(bank=bank), fast.with_(bank=bank), folder)


def _build_banks(detector: TwoLevelDetector, network: Level2, config: Path, cache: Path) -> Path:
    """Return the folder of the banks that the crops of a configuration give, built once."""
    content = hashlib.sha256(config.read_bytes()).hexdigest()[:8]
    folder = cache / "banks" / f"{digest(network)}-{content}"
    if not (folder / "complete").is_file():
        crops = training_crops(load_config(config, EmbeddingTraining))
        for key, found in named_banks(detector, crops).items():
            named.save_bank(folder / f"{key}.safetensors", found)
        (folder / "complete").touch()
    return folder


def read_level2(path: Path) -> Level2:
    """Read level 2 as a training run wrote it, or the average of its checkpoint.

    Raises:
        ModelFileError: The file is missing or holds something else.
    """
    if not path.is_file():
        raise ModelFileError(f"expected weights of level 2 (.safetensors), found no file at {path}")
    found = {key.removeprefix(AVERAGE): value for key, value in load_file(path).items()}
    own = {k.removeprefix("level2."): v for k, v in found.items() if k.startswith("level2.")}
    if "project.weight" not in own:
        raise ModelFileError(
            f"expected weights of level 2 (level2.project.weight, ...), found in {path}: "
            f"{', '.join(sorted(found)[:5])}"
        )
    network = Level2(len(own["project.weight"]))
    network.load_state_dict({key: value.float() for key, value in own.items()})
    return network.eval()


@contextmanager
def banks_in(folder: Path) -> Iterator[None]:
    """Take the named banks from a folder for as long as the context lasts."""
    named.load_bank.cache_clear()
    try:
        with patch.object(named, "NAMED_BANKS", folder):
            yield
    finally:
        named.load_bank.cache_clear()


def _super_classes(bank: ClassBank, dim: int) -> ClassBank:
    """Return the bank without its leaves: their rows belong to another level 2."""
    supers = tuple(spec for spec in bank.classes if spec.parent is None)
    if supers != bank.classes[: len(supers)]:
        raise ModelFileError("expected a base whose super-classes come before their leaves")
    return ClassBank(supers, bank.dense, BankRows.empty(dim))
