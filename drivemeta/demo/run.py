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
from drivemeta.export.verify import VerifyReport, repeat_probe
from drivemeta.models.store import load_base
from drivemeta.plugins.registry import Registry, default_registry
from drivemeta.plugins.sink.protocol import Sink
from drivemeta.runtime.model_file import read_model_file
from drivemeta.video.api import run
from drivemeta.video.builder import build_pipeline, run_context
from drivemeta.video.opening import detector_for, open_source
from drivemeta.video.options import Options
from drivemeta.video.pipeline import Pipeline
from drivemeta.video.summary import RunSummary

Advance = Callable[[str, int, int], None]


@dataclass(frozen=True)
class DemoOptions:
    """How the demo runs.

    Attributes:
        sign: Sign class to learn, one that no training frame shows.
        seed: Seed of frames and clip.
        learner: Name of a learner plugin.
        n_frames: Number of frames of the clip.
        size: Height and width of the frames in pixels.
        encoder: Encoder of the videos.
        provider: Provider of ONNX Runtime.
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
        adapted: Adapted detector.
        model: ONNX file.
        verified: Report of verifying it.
        summary: Summary of the processed clip.
        score: Score of the class in the clip.
        files: Files written, by what they are.
        seconds: Seconds of each step, by its name.
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
        out: Folder for everything that is written.
        options: Options of the demo.
        advance: Function called with the step, the part of it that is done, and the whole.
        registry: Registry of the plugins; the default one if None.

    Raises:
        OutputError: the folder cannot be written.
        PluginNotFoundError: no such learner.
    """
    demo = _Demo(out, options, advance, registry or default_registry())
    support = demo.draw_support()
    adapted = demo.learn(support)
    verified = demo.export(adapted)
    scoring = demo.draw_clip()
    summary = demo.process(scoring)
    demo.files |= _pictures(out, support, adapted, scoring)
    model, seconds = demo.files["model"], demo.clock.seconds
    return DemoReport(adapted, model, verified, summary, scoring.score, demo.files, seconds)


class _Demo:
    """The steps of the demo, in their order; each says what it wrote and how long it took."""

    def __init__(
        self, out: Path, options: DemoOptions, advance: Advance, registry: Registry
    ) -> None:
        self._out, self._options = out, options
        self._advance, self._registry = advance, registry
        self.files: dict[str, Path] = {}
        self.clock = _Clock()

    def draw_support(self) -> SupportSet:
        options = self._options
        self._advance("rendering five support frames", 0, 1)
        self.files["support"] = self._out / "support" / "annotations.json"
        write_support(self._out / "support", options.sign, options.seed, options.size)
        self.clock.lap("support frames")
        return SupportSet.from_coco(self.files["support"])

    def learn(self, support: SupportSet) -> Adapted:
        self._advance(f"learning {self._options.sign}", 0, 1)
        registry = self._registry
        adapted = adapt(load_base(registry), support, self._options.learner, registry=registry)
        self.clock.lap("adapt")
        return adapted

    def export(self, adapted: Adapted) -> VerifyReport:
        self._advance("exporting and verifying", 0, 1)
        model = self.files["model"] = self._out / f"{self._options.sign}.onnx"
        adapted.export(model)
        self.clock.lap("export")
        verified = repeat_probe(read_model_file(model), self._options.provider)
        self.clock.lap("verify")
        return verified

    def draw_clip(self) -> ScoringSink:
        """Render the clip; return the sink that scores what is found in it."""
        options = self._options
        clip = self.files["clip"] = self._out / "drive.mp4"
        truths = write_clip(
            find_clip(options.sign, options.seed, options.size),
            options.n_frames,
            _mp4(clip, options, self._registry),
            lambda done: self._advance("rendering the clip", done, options.n_frames),
        )
        self.clock.lap("render clip")
        return ScoringSink(options.sign, truths)

    def process(self, scoring: ScoringSink) -> RunSummary:
        options, registry = self._options, self._registry
        jsonl = registry.create("sink", "jsonl", context=RunContext(self._out / "run"))
        annotated = _mp4(self._out / "run" / "annotated.mp4", options, registry)
        summary = run(
            open_source(self.files["clip"], registry),
            _pipeline(self.files["model"], options, registry),
            [annotated, jsonl, scoring],
            lambda so_far, _: self._advance("processing the clip", so_far.frames, options.n_frames),
        )
        self.clock.lap("process clip")
        written = {path.suffix: path for path in summary.files}
        self.files |= {"video": written[".mp4"], "detections": written[".jsonl"]}
        return summary


def _mp4(path: Path, options: DemoOptions, registry: Registry) -> Sink:
    made: Sink = registry.create(
        "sink", "mp4", context=RunContext(path.parent), encoder=options.encoder, name=path.name
    )
    return made


def _pipeline(model: Path, options: DemoOptions, registry: Registry) -> Pipeline:
    how = Options(provider=options.provider)
    detector, how = detector_for(model, how, live=False)
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
