"""The detector inside an adapted model, so that further classes can be added to it."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from drivemeta.core.scoring import Scoring
from drivemeta.errors import ModelFileError
from drivemeta.export.network_cache import weights_digest
from drivemeta.models.branch import own_dim
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.runtime.bank_file import bank_of
from drivemeta.runtime.model_file import read_model_file


def restore(base: TwoLevelDetector, path: str | Path) -> TwoLevelDetector:
    """Return the base with the classes, rows and thresholds of a model adapted from it.

    Args:
        base: the detector that the model was adapted from.
        path: the model, `.onnx`.

    Raises:
        ModelFileError: the file is damaged, is no model of DriveMeta, was made from another base,
            has a novel branch, or holds its bank in another form.
    """
    file = read_model_file(path)
    dim, wide = own_dim(base.level2), file.manifest.bank.crop_dim
    if wide > dim:
        raise ModelFileError(
            f"{file.path} has a novel branch of learner {file.manifest.learner.name} (rows of "
            f"{wide}, the base has {dim}), which nothing can be added to; adapt to all classes at "
            "once, or with a learner without a branch such as protonet"
        )
    mine = weights_digest(nn.ModuleList([base.level1, base.level2]))
    if file.manifest.digests.weights != mine:
        raise ModelFileError(
            f"{file.path} was made from another base (weights "
            f"{file.manifest.digests.weights[:12]}, expected {mine[:12]}); give that one by "
            "--base, or adapt anew"
        )
    if file.manifest.precision != "fp32":
        raise ModelFileError(
            f"{file.path} is quantised ({file.manifest.precision}); expected the model as "
            "`drivemeta adapt` wrote it"
        )
    try:
        scoring = Scoring(**file.manifest.scoring)
    except TypeError as error:
        raise ModelFileError(f"{file.path}: cannot read its score rule: {error}") from error
    bank = bank_of(file)
    size = (file.manifest.input.height, file.manifest.input.width)
    restored = TwoLevelDetector(base.level1, base.level2, bank, scoring, size)
    restored.architecture = base.architecture
    return restored.eval()
