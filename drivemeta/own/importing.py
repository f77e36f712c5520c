"""A detector of the user's own made a base: recognised, proven, joined with ours, written."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.core import DISTRACTOR, BankRows, ClassBank, ClassSpec
from drivemeta.core.coco_names import COCO_SUPER_CLASSES
from drivemeta.core.one_object import CYCLIST
from drivemeta.core.own import OwnFacts
from drivemeta.core.scoring import Scoring
from drivemeta.data.dataset import Dataset
from drivemeta.errors import ParityError
from drivemeta.export.exporter import ExportOptions, ExportReport, export_detector
from drivemeta.export.verify import verify_model
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.own import OwnFinder
from drivemeta.models.store import load_base
from drivemeta.own.candidates import Candidate, candidates
from drivemeta.own.file import OwnFile, read_own
from drivemeta.own.graph import OwnPlan, build_graph
from drivemeta.own.names import class_names, super_classes
from drivemeta.own.preparing import prepare_frame
from drivemeta.own.trial import TrialOutcome, rows_of, try_all
from drivemeta.own.trial_frames import (
    N_DRAWN,
    TrialFrames,
    annotated_frames,
    drawn_frames,
    drawn_scene,
    image_frames,
)
from drivemeta.plugins.layout.way import Fit
from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.runtime.probe import MIN_PROBE_ROWS

# Of the graph beside the bare session: float sums in another order, resizing in another library.
BOX_PX, SCORE = 0.5, 2e-3
LEAST_SCORE = 0.02  # below, nobody looks at a box
CLEAR_SCORE = 0.1  # of objects by which a file is verified


@dataclass(frozen=True)
class ImportOptions:
    """What the user says of a detector; nothing of it is needed if the file says it.

    Attributes:
        names: Names of its classes: `coco` or a file.
        class_map: Class to super-class; None for names that are called so or are COCO's.
        keep: Classes that become super-classes of their own.
        layout: Name of the layout plugin, None to have it recognised.
        choose: Choices that the file does not state, by name.
        fit: How frames are fitted into its input, in place of the layout's way: `stretch`, or
            `top-left` or `centred` with padding.
        images: Folder of images to try ways to read the file on.
        data: Annotated images to try them on, in place of `images`.
        alone: Whether level 1 is left out.
        licence: Licence of the weights.
    """

    names: str | Path | None = None
    class_map: Mapping[str, str] | None = None
    keep: Sequence[str] = ()
    layout: str | None = None
    choose: Mapping[str, str] = field(default_factory=dict)
    fit: Fit | None = None
    images: Path | None = None
    data: Dataset | None = None
    alone: bool = False
    licence: str = ""


@dataclass(frozen=True)
class ImportReport:
    """What was imported.

    Attributes:
        facts: What is known of the detector, with all ways that were tried.
        export: What was written.
        box_px: Largest difference of a box from the bare session's, in frame pixels.
        score: Largest difference of a score.
        probe: Picture of the user's that the file holds to be verified by; empty for a drawn one.
        seconds: Seconds that all took.
    """

    facts: OwnFacts
    export: ExportReport
    box_px: float
    score: float
    probe: str
    seconds: float


def import_base(
    path: str | Path,
    out: str | Path,
    options: ImportOptions | None = None,
    *,
    base: TwoLevelDetector | None = None,
    registry: Registry | None = None,
) -> ImportReport:
    """Write a base that finds by a detector of the user's own.

    Args:
        path: Detector, `.onnx`.
        out: Base to write, `.onnx`; it appears whole or not at all.
        options: What is said of the detector.
        base: Detector that it is joined with; the shipped one by default.
        registry: Plugins that layouts are found among; those of `default_registry` by default.

    Raises:
        ModelFileError: the file is damaged, no detector that is known, or which of several ways to
            read it is right cannot be told.
        InputError: what is said of it does not fit it.
        ParityError: the joined graph finds something else than the bare session.
        OutputError: the base cannot be written.
    """
    started = time.perf_counter()
    options, registry = options or ImportOptions(), registry or default_registry()
    file = read_own(path)
    names = class_names(options.names, file.signature.metadata)
    ways = candidates(file, names, registry, options.layout, options.choose)
    if options.fit is not None:
        ways = [way.fitted(options.fit) for way in ways]
    finds = super_classes(ways[0].names, options.class_map, options.keep)
    frames = _frames(options, tuple(finds))
    outcome = try_all(file, ways, frames.frames, _groups(ways[0].names, finds))
    base = base or load_base(registry)
    own = _finder(file, outcome, finds, base.scoring.dense_scale, (options, frames))
    seen = [drawn_scene(0), *(frame.image for frame in frames.frames[:2])]
    box_px, score = _check(own, file, outcome.winner, seen)
    scoring = joined_scoring(base.scoring, finds)
    detector = base.with_(own=own, bank=joined_bank(base.bank, own), scoring=scoring)
    picture, probe = probe_of(own, frames) if options.alone else ("", None)
    told = ExportOptions(frames=seen, probe=probe)
    export = export_detector(detector, out, options=told)
    verify_model(out, "cpu")
    seconds = time.perf_counter() - started
    return ImportReport(own.facts, export, box_px, score, picture, seconds)


def probe_of(own: OwnFinder, frames: TrialFrames) -> tuple[str, NDArray[np.uint8]]:
    """Return a picture that a detector finds enough in, and its name; one that is drawn has none.

    Raises:
        ParityError: it finds too little in all of them.
    """
    drawn = [("", drawn_scene(seed)) for seed in range(N_DRAWN)]
    for name, image in (*drawn, *((each.name, each.image) for each in frames.frames)):
        found = own.dense(image)
        rows = rows_of(found.boxes, own.scores(found), (image.shape[0], image.shape[1]))
        if (rows.scores >= CLEAR_SCORE).sum() > MIN_PROBE_ROWS:
            return name, image
    raise ParityError(
        f"{own.facts.source} finds at most {MIN_PROBE_ROWS} objects in every picture, too few to "
        "verify a file of it alone by; give pictures that show more by --images, or import it "
        "without --own-only"
    )


def joined_bank(bank: ClassBank, own: OwnFinder) -> ClassBank:
    """Return the classes of a base: those that the user's own detector finds, and ours beside.

    Args:
        bank: Bank of our base, of super-classes alone.
        own: Detector of the user's own.
    """
    facts, dim = own.facts, bank.dense.weights.shape[1]
    ours = set() if facts.alone else {n for n in bank.names if n not in facts.finds}
    kept = [c for c in bank.classes if (c.parent or c.name) in {*facts.finds, *ours}]
    classes = [ClassSpec(c.name) if c.name in facts.finds else c for c in kept]
    classes += [ClassSpec(name) for name in facts.finds if name not in bank.names]
    names = tuple(spec.name for spec in classes)
    crop = _of_classes(bank.crop, bank.names, names)
    if facts.alone:
        return ClassBank(tuple(classes), own.rows(names, 0), crop)
    mine = np.isin(bank.dense.owners, [bank.index(name) for name in ours])
    dense = own.beside(_of_classes(bank.dense, bank.names, names, mine)) + own.rows(names, dim)
    return ClassBank(tuple(classes), dense, crop)


def joined_scoring(scoring: Scoring, finds: Iterable[str]) -> Scoring:
    """Return the constants of a base: a cyclist that the user's detector finds has no weight.

    Args:
        scoring: Constants of our base.
        finds: Super-classes that the user's own detector finds.
    """
    return replace(scoring, cyclist_weight=1.0) if CYCLIST in finds else scoring


def _of_classes(
    rows: BankRows,
    old: tuple[str, ...],
    new: tuple[str, ...],
    wanted: NDArray[np.bool_] | None = None,
) -> BankRows:
    """Return the rows wanted of those whose super-class is still there, by the new labels."""
    label = np.array([new.index(n) if n in new else DISTRACTOR - 1 for n in old] + [DISTRACTOR])
    kept = label[rows.roots] >= 0  # the last entry is where an owner of -1 points
    kept &= True if wanted is None else wanted
    owners, roots = label[rows.owners[kept]], label[rows.roots[kept]]
    return BankRows(rows.weights[kept], rows.biases[kept], owners, roots)


def _frames(options: ImportOptions, supers: tuple[str, ...]) -> TrialFrames:
    if options.data is not None:
        targets = {**COCO_SUPER_CLASSES, **(options.class_map or {})}
        return annotated_frames(options.data, targets, supers)
    return image_frames(options.images) if options.images is not None else drawn_frames()


def _groups(names: Sequence[str], finds: Mapping[str, tuple[str, ...]]) -> NDArray[np.int64]:
    """Return the (n_classes,) index of each class's super-class, -1 for none."""
    of = {name: i for i, members in enumerate(finds.values()) for name in members}
    return np.array([of.get(name, -1) for name in names], np.int64)


def _finder(
    file: OwnFile,
    outcome: TrialOutcome,
    finds: Mapping[str, tuple[str, ...]],
    scale: float,
    told: tuple[ImportOptions, TrialFrames],
) -> OwnFinder:
    chosen, (options, frames) = outcome.winner, told
    slots = [chosen.slots[[chosen.names.index(n) for n in group]] for group in finds.values()]
    graph, one_by_one = build_graph(OwnPlan(file, chosen, slots, scale), drawn_scene(0))
    facts = OwnFacts(
        source=file.path.name,
        digest=file.digest,
        licence=options.licence,
        layout=chosen.name,
        why=chosen.way.why,
        choices=dict(chosen.way.choices),
        size=chosen.way.frame.size,
        fit=chosen.way.frame.fit,
        finds=dict(finds),
        scale=scale,
        alone=options.alone,
        one_by_one=one_by_one,
        tried_on=frames.source,
        tried=outcome.tried,
    )
    return OwnFinder(graph, facts)


def _check(
    own: OwnFinder, file: OwnFile, chosen: Candidate, frames: Sequence[NDArray[np.uint8]]
) -> tuple[float, float]:
    """Return the largest differences of boxes and scores from the bare session and numpy.

    Raises:
        ParityError: one is past its tolerance.
    """
    groups, box_px, worst = _groups(chosen.names, own.facts.finds), 0.0, 0.0
    for frame in frames:
        boxes, by_class = chosen.find(file, prepare_frame(frame, chosen.way.frame))
        n = len(own.facts.finds)
        expected = np.stack([by_class[:, groups == i].max(1) for i in range(n)], 1)
        found = own.dense(frame)
        scores = own.scores(found)[: len(expected)]
        worst = max(worst, float(np.abs(scores - expected).max(initial=0)))
        seen = expected.max(1, initial=0) >= LEAST_SCORE
        apart = np.abs(found.boxes[: len(boxes)][seen] - boxes[seen])
        box_px = max(box_px, float(apart.max(initial=0)))
    if not (box_px <= BOX_PX and worst <= SCORE):
        raise ParityError(
            f"{file.path}: the graph does not find what the bare session finds: boxes differ by "
            f"{box_px:.3g} px, scores by {worst:.3g}; at most {BOX_PX} and {SCORE} are allowed. "
            "Nothing was written"
        )
    return box_px, worst
