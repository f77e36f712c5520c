"""The demo from start to end: five frames, a learnt class, an ONNX file, a processed clip."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.adapted import Adapted
from drivemeta.adaptation.report.contact_sheet import write_contact_sheet
from drivemeta.core.run import RunContext
from drivemeta.data.support import SupportSet
from drivemeta.demo.clip import ScoringSink, write_clip
from drivemeta.demo.material import N_FRAMES, SIZE, find_clip, write_support
from drivemeta.demo.poster import write_poster
from drivemeta.demo.score import ClipScore
from drivemeta.export import VerifyReport, verify_model
from drivemeta.models.store import load_base
from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.plugins.sink.protocol import Sink
from drivemeta.video.api import Options, RunSummary, run
from drivemeta.video.builder import build_pipeline, run_context
from drivemeta.video.opening import load_detector, open_source
from drivemeta.video.pipeline import Pipeline

Advance = Callable[[str, int, int], None]


@dataclass(frozen=True)
class DemoOptions:
    """How the demo runs.

    Attributes:
        sign: the sign class to learn, one that no training frame shows.
        seed: of frames and clip.
        learner: name of a learner plugin.
        n_frames: of the clip.
        size: height and width of the frames in pixels.
        encoder: of the videos.
        provider: of ONNX Runtime.
    """

    sign: str = "falling_rocks"
    seed: int = 0
    learner: str = "protonet"
    n_frames: int = N_FRAMES
    size: tuple[int, int] = SIZE
    encoder: str = "h264"
    provider: str = "auto"


@dataclass(frozen=True, eq=False)
class DemoReport:
    """What came of it.

    Attributes:
        adapted: the adapted detector.
        model: the ONNX file.
        verified: what verifying it found.
        summary: of the processed clip.
        score: how well the class was found in the clip.
        files: what was written, by what it is.
        seconds: of each step, by its name.
    """

    adapted: Adapted
    model: Path
    verified: VerifyReport
    summary: RunSummary
    score: ClipScore
    files: dict[str, Path]
    seconds: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        learnt, score = self.adapted.classes[0], self.score
        return {
            "class": learnt.name,
            "shots": learnt.shots,
            "threshold": round(learnt.threshold, 3),
            "provider": self.verified.provider,
            "clip": {
                "frames": self.summary.frames,
                "precision": round(score.precision, 3),
                "recall": round(score.recall, 3),
                "signs": len(score.signs),
                "signs_found": len(score.signs_found),
            },
            "seconds": {name: round(value, 2) for name, value in self.seconds.items()},
            "files": {name: str(path) for name, path in self.files.items()},
        }


def run_demo(
    out: Path, options: DemoOptions, advance: Advance, registry: Registry | None = None
) -> DemoReport:
    """Run the demo.

    Args:
        out: folder for everything that is written.
        options: how.
        advance: called with the step, the part of it that is done, and the whole.
        registry: Of the plugins; the default one if None.

    Raises:
        OutputError: the folder cannot be written.
        PluginNotFoundError: no such learner.
    """
    clock, registry = _Clock(), registry or default_registry()
    sign, files = options.sign, {"support": out / "support" / "annotations.json"}
    advance("rendering five support frames", 0, 1)
    write_support(out / "support", sign, options.seed, options.size)
    clock.lap("support frames")

    advance(f"learning {sign}", 0, 1)
    support = SupportSet.from_coco(files["support"])
    adapted = adapt(load_base(registry), support, options.learner, registry=registry)
    clock.lap("adapt")

    advance("exporting and verifying", 0, 1)
    files["model"] = out / f"{sign}.onnx"
    adapted.export(files["model"])
    clock.lap("export")
    verified = verify_model(files["model"], provider=options.provider)
    clock.lap("verify")

    files["clip"] = out / "drive.mp4"
    truths = write_clip(
        find_clip(sign, options.seed, options.size),
        options.n_frames,
        _mp4(files["clip"], options, registry),
        lambda done: advance("rendering the clip", done, options.n_frames),
    )
    clock.lap("render clip")

    scoring = ScoringSink(sign, truths)
    jsonl = registry.create("sink", "jsonl", context=RunContext(out / "run"))
    sinks = [_mp4(out / "run" / "annotated.mp4", options, registry), jsonl, scoring]
    summary = run(
        open_source(files["clip"], registry),
        _pipeline(files["model"], options, registry),
        sinks,
        lambda so_far, _: advance("processing the clip", so_far.frames, options.n_frames),
    )
    clock.lap("process clip")
    written = {path.suffix: path for path in summary.files}
    files |= {"video": written[".mp4"], "detections": written[".jsonl"]}
    files |= _pictures(out, support, adapted, scoring)
    return DemoReport(
        adapted, files["model"], verified, summary, scoring.score, files, clock.seconds
    )


def _mp4(path: Path, options: DemoOptions, registry: Registry) -> Sink:
    made: Sink = registry.create(
        "sink", "mp4", context=RunContext(path.parent), encoder=options.encoder, name=path.name
    )
    return made


def _pipeline(model: Path, options: DemoOptions, registry: Registry) -> Pipeline:
    how = Options(provider=options.provider)
    detector, how = load_detector(model, how, live=False)
    return build_pipeline(detector, how, run_context(detector, how), registry)


def _pictures(
    out: Path, support: SupportSet, adapted: Adapted, scoring: ScoringSink
) -> dict[str, Path]:
    """Write the contact sheet, and the poster if the sign was found."""
    learnt, score = adapted.classes[0], scoring.score
    notes = {learnt.name: f"threshold {learnt.threshold:.2f}"}
    sheet = out / "contact_sheet.png"
    write_contact_sheet(support, sheet, notes)
    pictures = {"contact sheet": sheet}
    if scoring.best is not None:
        words = (
            f"{learnt.name}: learnt from {learnt.shots} boxes\n"
            f"{len(score.signs_found)} of {len(score.signs)} signs of the clip found, "
            f"precision {score.precision:.2f}"
        )
        pictures["poster"] = write_poster(out / "poster.png", support, scoring.best, words)
    return pictures


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name], self._last = now - self._last, now
