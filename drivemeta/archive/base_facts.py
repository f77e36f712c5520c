"""What is known of the base that an archive was made by, and which models its rows can answer."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from drivemeta.core import ClassBank
from drivemeta.errors import ModelFileError
from drivemeta.runtime.model_file import ModelFile, bank_of

# Constants of the score rule that say which boxes there are and what is cut out.
FINDING = ("dense_scale", "quality_power", "nms_iou", "context", "thing_context")


@dataclass(frozen=True)
class BaseFacts:
    """The base that made rows.

    Attributes:
        weights: SHA-256 of its networks.
        input_size: Height and width that frames are fitted into.
        precision: Precision of its networks.
        finders: For each dense row, the name of its class, and that of its super-class.
        finder_digest: SHA-256 of the dense rows.
        constants: Constants of the score rule that finding depends on.
        dim: Length of an embedding.
        least_score: Level 1's score from which boxes are kept.
    """

    weights: str
    input_size: tuple[int, int]
    precision: str
    finders: tuple[tuple[str, str], ...]
    finder_digest: str
    constants: dict[str, float]
    dim: int
    least_score: float

    @classmethod
    def of(cls, file: ModelFile, least_score: float) -> BaseFacts:
        """Return the facts of an exported base."""
        manifest, bank = file.manifest, bank_of(file)
        names = bank.names
        dense = zip(bank.dense.owners, bank.dense.roots, strict=True)
        return cls(
            weights=manifest.digests.weights,
            input_size=(manifest.input.height, manifest.input.width),
            precision=manifest.precision,
            finders=tuple((names[owner], names[root]) for owner, root in dense),
            finder_digest=finder_digest(bank),
            constants={name: manifest.scoring.get(name, 0.0) for name in FINDING},
            dim=manifest.bank.crop_dim,
            least_score=least_score,
        )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> BaseFacts:
        """Return facts from what `as_json` gave; raises TypeError or KeyError of others."""
        finders = tuple((name, root) for name, root in values["finders"])
        height, width = values["input_size"]
        return cls(**{**values, "finders": finders, "input_size": (height, width)})

    def as_json(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        return asdict(self)

    def check(self, file: ModelFile) -> None:
        """Refuse a model whose answers are not in the rows that the base made.

        Raises:
            ModelFileError: it embeds or finds otherwise; the message says what would help.
        """
        manifest = file.manifest
        if manifest.digests.weights != self.weights:
            raise ModelFileError(self._other_networks(file))
        size = (manifest.input.height, manifest.input.width)
        constants = {name: manifest.scoring.get(name, 0.0) for name in FINDING}
        if size != self.input_size or constants != self.constants:
            raise ModelFileError(
                f"expected a model that finds as the archive's base does, at "
                f"{self.input_size[0]}x{self.input_size[1]}, found {file.path} at "
                f"{size[0]}x{size[1]}: adapt at the base's size, or index with --base {file.path}"
            )
        if finder_digest(bank_of(file)) != self.finder_digest:
            raise ModelFileError(self._other_finders(file))

    def notes_on(self, file: ModelFile) -> tuple[str, ...]:
        """Return what a user should know of a model's answers: in what they differ from its own."""
        notes, manifest, name = [], file.manifest, file.path.name
        low = [c for c in manifest.classes if c.threshold < self.least_score]
        if low:
            listed = ", ".join(f"{c.name} from {c.threshold:.2g}" for c in low)
            notes.append(
                f"{name} reports {listed}; the archive keeps boxes that level 1 scores "
                f"{self.least_score:.2g} or more: what lies between is not in it, unless it is "
                "indexed anew with a lower --least-score"
            )
        if manifest.precision != self.precision:
            notes.append(
                f"{name} computes in {manifest.precision}, the archive was made in "
                f"{self.precision}: scores are those that the model has in {self.precision}"
            )
        return tuple(notes)

    def _other_networks(self, file: ModelFile) -> str:
        learner = file.manifest.learner.name
        changes = f", or its learner, {learner}, changes layers" if learner else ""
        return (
            f"expected a model whose embedding is that of the archive's base "
            f"({self.weights[:12]}), found {file.manifest.digests.weights[:12]} in {file.path}: it "
            f"is of another base or another version of it{changes}: the archive does not keep what "
            "it needs; adapt with `--learner protonet` from the base that the archive was made by, "
            "or index anew"
        )

    def _other_finders(self, file: ModelFile) -> str:
        rows = bank_of(file).dense
        names = file.manifest.names
        more = sorted({names[owner] for owner in rows.owners} - {name for name, _ in self.finders})
        what = f"finds {', '.join(more)} by rows of level 1" if more else "finds by other rows"
        return (
            f"expected a model that finds by what the archive's base finds by, found {file.path}, "
            f"which {what} of its own: that is not in what the archive keeps; name a super-class "
            f"by `adapt --parent`, or index with --base {file.path}"
        )


def finder_digest(bank: ClassBank) -> str:
    """Return the SHA-256 of a bank's dense rows and of which compete; names do not count."""
    rows = bank.dense
    _, first, alike = np.unique(rows.roots, return_index=True, return_inverse=True)
    digest = hashlib.sha256(np.ascontiguousarray(rows.weights, np.float32).tobytes())
    digest.update(np.ascontiguousarray(rows.biases, np.float32).tobytes())
    digest.update(first[alike].astype(np.int64).tobytes())
    return digest.hexdigest()
