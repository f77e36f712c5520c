"""The export: networks, graph, parity, manifest and probe, then one file in one step."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from drivemeta.banks.arrays import check_capacity
from drivemeta.banks.capacity import capacity_for
from drivemeta.errors import ParityError
from drivemeta.export.graph.assemble import Networks, assemble
from drivemeta.export.model_writer import signed, write_model
from drivemeta.export.parity import ParityReport, Reference, check_parity, torch_dense, torch_rows
from drivemeta.export.probe_scene import PROBE_SIZE, draw_noise, draw_scene
from drivemeta.files import check_folder
from drivemeta.models.detector import TwoLevelDetector, fitted_to
from drivemeta.models.traced.networks import level1_graph, level2_graph, things_graph
from drivemeta.models.traced.opset import OPSET
from drivemeta.runtime import manifest as m
from drivemeta.runtime.probe import MIN_PROBE_ROWS, Probe, clear_thresholds

NOISE_SIZE = (405, 300)


@dataclass(frozen=True, eq=False)
class ExportOptions:
    """How the model is written.

    Attributes:
        frame_size: Height and width of the only frames taken, or None for any.
        bank: `fed` lets a running session take other classes, `baked` makes them constant.
        bank_capacity: Most rows a level and most classes, if fed; None for 256, or as many times
            that as the bank needs.
        frames: Further (height, width, 3) uint8 BGR frames to compare on, for instance real ones.
        licence: Terms stated in the manifest; by default those of the shipped base, so that a model
            of a base of your own wants others.
        probe: Picture that the file is verified by, None for a drawn one.
    """

    frame_size: tuple[int, int] | None = None
    bank: m.BankMode = "fed"
    bank_capacity: int | None = None
    frames: Sequence[NDArray[np.uint8]] = ()
    licence: str = m.LICENCE
    probe: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes:
        path: File written.
        n_bytes: Size of the file.
        parity: Differences found between torch and ONNX Runtime.
        manifest: Manifest of the file.
        seconds: Seconds that it took.
    """

    path: Path
    n_bytes: int
    parity: ParityReport
    manifest: m.Manifest = field(repr=False)
    seconds: float


def export_detector(  # noqa: PLR0913  (what is said of the learning goes into the file's manifest)
    detector: TwoLevelDetector,
    path: str | Path,
    *,
    learner: str = "",
    learner_params: Mapping[str, Any] | None = None,
    support_digest: str = "",
    input_size: tuple[int, int] | None = None,
    options: ExportOptions | None = None,
) -> ExportReport:
    """Write a detector as one ONNX file, after checking that it computes the same.

    Args:
        detector: Detector to export; it is not changed.
        path: File to write; it appears whole or not at all.
        learner: Name of the method that learnt the novel classes.
        learner_params: Parameters of that method, as JSON values.
        support_digest: SHA-256 of the support set.
        input_size: Height and width of level 1's input, multiples of 64; None for the detector's.
        options: Options of the file.

    Raises:
        InputError: the input size does not fit, or the bank exceeds its capacity.
        ParityError: ONNX Runtime does not find what torch finds; nothing is written.
        OutputError: the file cannot be written.
    """
    start = time.perf_counter()
    path, options = Path(path), options or ExportOptions()
    detector = fitted_to(detector, input_size or detector.input_size).eval()
    if options.bank == "fed" and options.bank_capacity:
        check_capacity(detector.bank, options.bank_capacity)
    check_folder(path.parent)
    expected = [torch_dense(detector, frame) for frame in _frames(options)]
    learnt = m.LearnerEntry(name=learner, params=dict(learner_params or {}))
    manifest = _manifest(detector, options, learnt, support_digest)
    model = _graph(detector, manifest, n_locations=len(expected[0].dense.quality))
    parity = check_parity(model, detector, expected)
    manifest = signed(manifest, model)
    data = write_model(model, manifest, make_probe(detector, expected[0]), path)
    return ExportReport(path, len(data), parity, manifest, time.perf_counter() - start)


def make_probe(detector: TwoLevelDetector, expected: Reference) -> Probe:
    """Return a frame with at least five detections and a threshold that parts them clearly."""
    scores = torch_rows(detector, expected, 0.0).scores
    thresholds = clear_thresholds(scores)
    if not thresholds:
        raise ParityError(
            f"the detector finds only {len(scores)} boxes in the probe's frame at any threshold, "
            f"more than {MIN_PROBE_ROWS} are needed; are its weights those of a trained network?"
        )
    rows = torch_rows(detector, expected, thresholds[0])
    return Probe.make(expected.frame, thresholds[0], rows)


def _frames(options: ExportOptions) -> list[NDArray[np.uint8]]:
    """Return the frames to compare on: the probe's scene, noise, and those given."""
    scene, noise = options.frame_size or PROBE_SIZE, options.frame_size or NOISE_SIZE
    probe = draw_scene(scene) if options.probe is None else options.probe
    return [probe, draw_noise(noise), *options.frames]


def _manifest(
    detector: TwoLevelDetector, options: ExportOptions, learner: m.LearnerEntry, support_digest: str
) -> m.Manifest:
    """Return what the file says of the detector, the digest of its graph still empty."""
    height, width = detector.input_size
    return m.Manifest(
        classes=m.class_entries(detector.bank),
        input=m.InputRule(height=height, width=width, frame_size=options.frame_size),
        bank=m.BankRule(
            mode=options.bank,
            capacity=options.bank_capacity or capacity_for(detector.bank),
            dense_dim=detector.bank.dense.weights.shape[1],
            crop_dim=detector.bank.crop.weights.shape[1],
        ),
        scoring=asdict(detector.scoring),
        opset=OPSET,
        learner=learner,
        digests=m.Digests(weights=detector.digest(), support=support_digest),
        licence=_licence(detector, options),
        own=None if detector.own is None else detector.own.facts,
        versions={name: m.package_version(name) for name in ("drivemeta", "torch", "onnx")},
    )


def _licence(detector: TwoLevelDetector, options: ExportOptions) -> str:
    """Return the licence of the file: that of a detector of the user's own goes with it."""
    if detector.own is None:
        return options.licence
    facts = detector.own.facts
    stated = facts.licence or f"{facts.source}: not stated"
    return " AND ".join(dict.fromkeys((*options.licence.split(" AND "), stated)))


def _graph(detector: TwoLevelDetector, manifest: m.Manifest, n_locations: int) -> onnx.ModelProto:
    networks = Networks(
        level1_graph(detector.level1, detector.input_size) if detector.has_dense else None,
        level2_graph(detector.level2),
        n_locations,
        None if detector.things is None else things_graph(detector.things),
        None if detector.own is None else detector.own.graph,
    )
    return assemble(networks, detector.bank, detector.scoring, manifest.input, manifest.bank)
