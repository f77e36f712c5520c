"""The detector inside an adapted model, so that further classes can be added to it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import torch
from onnx import numpy_helper
from torch import nn

from drivemeta.core.things import THING_DIM
from drivemeta.errors import ModelFileError
from drivemeta.export.disassemble import own_of
from drivemeta.export.exporter import ExportOptions, ExportReport, export_detector
from drivemeta.models.branch import Branched, BranchedThings, own_dim
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
    level2, things = _embeddings_of(base, file)
    base = base if file.manifest.own is None else base.with_(own=own_of(file))
    base = base.with_(level2=level2, things=things)
    mine = base.digest()
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
    scoring, bank = file.manifest.constants, bank_of(file)
    size = (file.manifest.input.height, file.manifest.input.width)
    return base.with_(bank=bank, scoring=scoring, input_size=size).eval()


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


def _embeddings_of(base: TwoLevelDetector, file: ModelFile) -> tuple[nn.Module, nn.Module | None]:
    """Return level 2 and the embedding of things, with the adapted layer of a file if it has one.

    Raises:
        ModelFileError: it holds a branch of another kind.
    """
    level2, things = base.level2, base.things
    wide = file.manifest.bank.crop_dim
    if wide == own_dim(level2) or not isinstance(level2, Level2):
        return level2, things
    project = level2.project
    if wide == 2 * level2.dim:
        layer = _layer_of(file, "level2", LastLayer(project.in_features, level2.dim))
        if layer is not None:
            return Branched(level2, layer).eval(), things
    if things is not None and wide == 2 * THING_DIM:
        layer = _layer_of(file, "things", LastLayer(THING_DIM, THING_DIM))
        if layer is not None:
            return level2, BranchedThings(things, layer).eval()
    raise ModelFileError(
        f"{file.path} has a novel branch of learner {file.manifest.learner.name}, to which "
        "nothing can be added; adapt to all classes at once, or with another learner"
    )


def _layer_of(file: ModelFile, stem: str, layer: LastLayer) -> LastLayer | None:
    """Return a layer with the weights of the branch of a network in a file, None without one."""
    pattern = re.compile(rf"(?:[^/]+/)?{stem}_\d+/branch\.project\.(weight|bias)")
    found = {
        match.group(1): torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for graph in graphs_within(file.proto.graph)
        for tensor in graph.initializer
        if (match := pattern.fullmatch(tensor.name))
    }
    wanted = {name: value.shape for name, value in layer.project.state_dict().items()}
    if {name: value.shape for name, value in found.items()} != wanted:
        return None
    layer.project.load_state_dict(found)
    return layer.requires_grad_(False)
