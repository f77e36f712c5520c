"""What an exported model says about itself: the JSON under `drivemeta` in its metadata."""

from __future__ import annotations

from dataclasses import asdict, fields
from importlib import metadata
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from drivemeta.core import ClassBank, ClassSpec
from drivemeta.core.letterbox import GREY
from drivemeta.core.own import OwnFacts
from drivemeta.core.scoring import Scoring
from drivemeta.errors import ModelFileError
from drivemeta.runtime.provider_options import Precision

SCHEMA_VERSION = 1
MANIFEST_KEY = "drivemeta"
PROBE_KEY = "drivemeta.probe"


# What the model card says of the weights that ship, in a sentence.
LICENCE = (
    "Apache-2.0 for the software. The weights of the shipped base were trained mostly on data for "
    "research and not-for-profit use: a product needs a base trained on data that it may use. No "
    "safety component. See MODEL_CARD.md of DriveMeta."
)
MOST = 65_536  # classes, rows, columns, pixels of a side: beyond, a manifest is absurd
Side = Annotated[int, Field(ge=1, le=MOST)]
BankMode = Literal["fed", "baked"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassEntry(_Frozen):
    """One class, in the order of the labels; see `ClassSpec`."""

    name: str = Field(min_length=1, max_length=1000)
    parent: str | None = None
    origin: Literal["base", "novel"] = "base"
    threshold: float = Field(0.3, ge=-2, le=2)
    shots: int = Field(0, ge=0)
    low_confidence: bool = False

    @field_validator("name")
    @classmethod
    def _one_line(cls, name: str) -> str:
        if any(ord(letter) < ord(" ") for letter in name):
            raise ValueError(f"a class name is one line of text, found {name!r}")
        return name

    def spec(self) -> ClassSpec:
        """Return the entry as the core type."""
        return ClassSpec(**self.model_dump())


class InputRule(_Frozen):
    """How the graph treats the frames it is given; nothing is left to the caller.

    Attributes:
        height: Height of level 1's input in pixels.
        width: Width of level 1's input in pixels.
        frame_size: Height and width of the only frames taken, or None for any.
        resize: One scale, rounded half up, bilinear with half-pixel centres, image at the top
            left, grey of value `pad` to the right and at the bottom.
    """

    height: Side
    width: Side
    frame_size: tuple[Side, Side] | None = None
    layout: Literal["uint8 NHWC BGR"] = "uint8 NHWC BGR"
    resize: Literal["letterbox top-left"] = "letterbox top-left"
    pad: int = Field(GREY, ge=0, le=255)


class BankRule(_Frozen):
    """Whether other classes may be fed to a running session, and how many.

    Attributes:
        mode: `fed` if the bank is an optional input, `baked` if it is constant.
        capacity: Most rows a level and most classes that fit, in mode `fed`.
        dense_dim: Length of level 1's embedding.
        crop_dim: Length of level 2's embedding.
    """

    mode: BankMode
    capacity: Side
    dense_dim: Side
    crop_dim: Side


class LearnerEntry(_Frozen):
    """Which method learnt the novel classes, and with which parameters."""

    name: str = ""
    params: dict[str, Any] = Field(default_factory=dict)


class Digests(_Frozen):
    """SHA-256 of the base weights, of the support set (empty for none) and of the graph."""

    weights: str
    support: str = ""
    graph: str = ""


class Manifest(_Frozen):
    """The model's own description, checked when a file is loaded."""

    schema_version: Literal[1] = 1
    classes: tuple[ClassEntry, ...] = Field(max_length=MOST)
    input: InputRule
    bank: BankRule
    scoring: dict[str, float]
    precision: Precision = "fp32"
    opset: int
    learner: LearnerEntry = LearnerEntry()
    digests: Digests
    licence: str = LICENCE
    versions: dict[str, str] = Field(default_factory=dict)
    own: OwnFacts | None = None

    @model_validator(mode="after")
    def _own_fits(self) -> Manifest:
        if self.own is not None and self.own.n_columns > self.bank.dense_dim:
            raise ValueError(
                f"a detector has {self.own.n_columns} columns, the bank's rows only "
                f"{self.bank.dense_dim}"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in the order of the labels."""
        return tuple(entry.name for entry in self.classes)

    @property
    def constants(self) -> Scoring:
        """The constants of the score rule.

        Raises:
            ModelFileError: some are unknown to this version.
        """
        unknown = set(self.scoring) - {constant.name for constant in fields(Scoring)}
        if unknown:
            raise ModelFileError(
                f"expected a score rule of {', '.join(asdict(Scoring()))}, found also "
                f"{', '.join(sorted(unknown))}: another version of DriveMeta wrote the model"
            )
        return Scoring(**self.scoring)

    @property
    def n_thresholds(self) -> int:
        """Length of the input `thresholds`."""
        return len(self.classes) if self.bank.mode == "baked" else self.bank.capacity


def class_entries(bank: ClassBank) -> tuple[ClassEntry, ...]:
    """Return the classes of a bank as manifest entries."""
    return tuple(
        ClassEntry(
            name=spec.name,
            parent=spec.parent,
            origin=spec.origin,
            threshold=spec.threshold,
            shots=spec.shots,
            low_confidence=spec.low_confidence,
        )
        for spec in bank.classes
    )


def package_version(package: str) -> str:
    """Return an installed package's version, or `unknown`."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
