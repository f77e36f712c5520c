"""The detector inside an adapted model, so that further classes can be added to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from onnx import numpy_helper
from torch import nn

from drivemeta.core.scoring import Scoring
from drivemeta.errors import ModelFileError
from drivemeta.export.disassemble import own_of
from drivemeta.export.exporter import ExportOptions, ExportReport, export_detector
from drivemeta.models.branch import Branched, own_dim
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import Level2
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.runtime.model_file import ModelFile, bank_of, read_model_file
from drivemeta.runtime.structure import graphs_within


def restore(base: TwoLevelDetector, path: str | Path) -> TwoLevelDetector:
    """Return the base with the classes, rows and thresholds of a model adapted from it.

    Args:
        base: Detector that the model was adapted from; a detector of the user's own is the file's.
        path: Model, `.onnx`.

    Raises:
        ModelFileError: the file is damaged, is no model of DriveMeta, was made from another base,
            has a novel branch, or holds its bank in another form.
    """
    file = read_model_file(path)
    level2 = _level2_of(base, file)
    base = base if file.manifest.own is None else base.with_(own=own_of(file))
    mine = base.with_(level2=level2).digest()
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
    return base.with_(level2=level2, bank=bank, scoring=scoring, input_size=size).eval()


def export_again(
    base: TwoLevelDetector,
    path: str | Path,
    out: str | Path,
    input_size: tuple[int, int],
    options: ExportOptions | None = None,
) -> ExportReport:
    """Write an adapted model anew, for another input size; thresholds stay what they were.

    Args:
        base: Detector that the model was adapted from.
        path: Model, `.onnx`.
        out: File to write; it appears whole or not at all.
        input_size: Height and width of level 1's input, multiples of 64.
        options: Options of the file, but for its licence, which stays; None for the model's bank
            mode.

    Raises:
        InputError: the input size does not fit, or the bank exceeds its capacity.
        ModelFileError: as `restore`.
        ParityError: ONNX Runtime does not find what torch finds; nothing is written.
        OutputError: the file cannot be written.
    """
    manifest = read_model_file(path).manifest
    options = options or ExportOptions(bank=manifest.bank.mode)
    return export_detector(
        restore(base, path),
        out,
        learner=manifest.learner.name,
        learner_params=manifest.learner.params,
        support_digest=manifest.digests.support,
        input_size=input_size,
        options=replace(options, licence=manifest.licence),
    )


def _level2_of(base: TwoLevelDetector, file: ModelFile) -> nn.Module:
    """Return level 2 with the adapted last layer that a file holds beside the base's, if any.

    Raises:
        ModelFileError: it holds a branch of another kind.
    """
    wide, dim = file.manifest.bank.crop_dim, own_dim(base.level2)
    if wide == dim or not isinstance(base.level2, Level2):
        return base.level2
    found = {
        tensor.name.rpartition("branch.project.")[2]: numpy_helper.to_array(tensor)
        for graph in graphs_within(file.proto.graph)
        for tensor in graph.initializer
        if "branch.project." in tensor.name
    }
    layer = LastLayer(base.level2.project.in_features, base.level2.dim)
    weight, bias = found.get("weight"), found.get("bias")
    if (
        wide != 2 * dim
        or weight is None
        or bias is None
        or weight.shape != layer.project.weight.shape
    ):
        raise ModelFileError(
            f"{file.path} has a novel branch of learner {file.manifest.learner.name}, to which "
            "nothing can be added; adapt to all classes at once, or with another learner"
        )
    layer.project.load_state_dict(
        {"weight": torch.from_numpy(weight.copy()), "bias": torch.from_numpy(bias.copy())}
    )
    return Branched(base.level2, layer.requires_grad_(False)).eval()
