"""What `tools.speed.deploy` measures: precisions, speed, hot classes, batching."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort

from drivemeta.adaptation.adapt import adapt
from drivemeta.bench.frames import Image
from drivemeta.bench.measure import (
    BARE,
    OURS,
    Setting,
    contenders_of,
    measure,
    summarise,
)
from drivemeta.bench.profile import profile_model, share_of_vision
from drivemeta.data.dataset import Dataset
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError
from drivemeta.export.disassemble import network_model
from drivemeta.export.parts import Parts
from drivemeta.export.precision.ap_gate import GateData, group_ap50, loss_between
from drivemeta.export.precision.calibration_inputs import Eyes
from drivemeta.export.precision.rewrite import Change, rewrite_model
from drivemeta.models.store import load_base
from drivemeta.runtime import OnnxDetector
from drivemeta.runtime.batching import Batcher
from drivemeta.runtime.model_file import bank_of, read_model_file
from drivemeta.training.base.sources import SOURCES, load_source, to_dataset
from tools.fewshot.protocols import protocol_named

Clock = Callable[[], float]
PRECISIONS = ("fp16", "int8")
N_STREAMS = 4


@dataclass(frozen=True, eq=False)
class Subject:
    """A model, what it is scored on, and what int8 is calibrated on."""

    name: str
    model: Path
    truth: Dataset
    frames: list[Image]


def base_subject(scenes: Path, model: Path, limit: int, n_frames: int) -> Subject:
    """Return the shipped base: scored on BDD's validation part, calibrated on its training part."""
    images = load_source(scenes, "bdd", "val")[:limit]
    covered = SOURCES["bdd"].complete
    truth = to_dataset(images).map_classes({name: name for name in covered}, covered)
    train = load_source(scenes, "bdd", "train")
    chosen = to_dataset(train[:: max(1, len(train) // n_frames)][:n_frames])
    return Subject("base, BDD", model, truth, [_read(image.path) for image in chosen.images])


def adapted_subject(scenes: Path, model: Path, limit: int, base: Subject, shots: int) -> Subject:
    """Return the base adapted to Italian signs: calibrated on its support frames and BDD's."""
    protocol = protocol_named("italy", scenes, "B")
    draw = protocol.draw([shots], seed=0)
    support = draw.supports[shots]
    adapt(load_base(), SupportSet.of(support)).export(model)
    truth = protocol.truth.select([int(i) for i in draw.query[:limit]])
    frames = [_read(image.path) for image in support.images] + base.frames
    frames = frames[:: -(-len(frames) // len(base.frames))]  # as many as for the base, of both
    return Subject(f"adapted to {len(protocol.names)} signs, Italy", model, truth, frames)


def clock_for(threads: int) -> Clock:
    """Return the processor's clock for one thread, which other processes do not disturb."""
    return time.process_time if threads == 1 else time.perf_counter


def _read(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"cannot read {path}")
    return np.asarray(image, np.uint8)


def precision_rows(subject: Subject, folder: Path) -> list[dict[str, Any]]:
    """Rewrite a model in each precision; return sizes, AP50 before and after, agreement."""
    data = GateData(subject.truth, {})
    before = group_ap50(subject.model, data)
    rows = []
    for precision in PRECISIONS:
        out = folder / f"{subject.model.stem}-{precision}.onnx"
        change = Change(precision, frames=subject.frames)  # type: ignore[arg-type]
        report = rewrite_model(subject.model, out, change)
        ap50 = loss_between(before, group_ap50(out, data), subject.truth)
        rows.append({"subject": subject.name, **asdict(report), "path": out.name})
        rows[-1]["ap50"] = asdict(ap50)
    return rows


def body_speed(
    before: Path, after: Path, frame: Image, threads: int, rounds: int
) -> dict[str, float]:
    """Return how many times as fast the bodies of the second model are, and their milliseconds."""
    parts = [Parts.of(read_model_file(path)) for path in (before, after)]
    eyes = Eyes(parts[0])
    image = next(iter(eyes.inputs("level1", [frame])))
    crops = next(iter(eyes.inputs("level2", [frame])))
    crops = np.concatenate([crops] * (32 // len(crops) + 1))[:32]
    clock = clock_for(threads)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    cases = {"level 1": ("level1", image), "level 2, 32 crops": ("level2", crops)}
    found: dict[str, float] = {}
    total = np.zeros((2, rounds))
    for name, (level, x) in cases.items():
        sessions = [
            ort.InferenceSession(
                network_model(getattr(each.networks, level)).SerializeToString(),
                options,
                providers=["CPUExecutionProvider"],
            )
            for each in parts
        ]
        seconds = np.array([_alternate(sessions, {"x": x}, clock) for _ in range(rounds + 2)][2:]).T
        total += seconds
        found[f"{name} before, ms"] = round(float(np.median(seconds[0])) * 1e3, 2)
        found[f"{name} after, ms"] = round(float(np.median(seconds[1])) * 1e3, 2)
        found[f"{name}, times"] = round(float(np.median(seconds[0] / seconds[1])), 2)
    found["both, times"] = round(float(np.median(total[0] / total[1])), 2)
    return found


def _alternate(sessions: list[Any], feeds: dict[str, Any], clock: Clock) -> list[float]:
    spent = []
    for session in sessions:
        start = clock()
        session.run(None, feeds)
        spent.append(clock() - start)
    return spent


def whole_speed(models: list[Path], frames: list[Image], threads: int, rounds: int) -> list[Any]:
    """Return the bench's rows of several models, with their speed against the first."""
    made = [c for m in models for c in contenders_of(Setting(m, threads=threads), frames)]
    measure(made, rounds, 3, clock=clock_for(threads))
    rows = [asdict(row) for row in summarise(made, frames[0].shape[:2])]
    rows = [row | {"model": Path(row["model"]).name} for row in rows]
    for what in (BARE, OURS):
        chosen = [i for i, c in enumerate(made) if c.what == what]
        first = np.array(made[chosen[0]].seconds)
        for i in chosen:
            rows[i]["times"] = round(float(np.median(first / np.array(made[i].seconds))), 3)
    return rows


def parts_of(model: Path, frames: list[Image], threads: int) -> dict[str, Any]:
    """Return where the time of one call goes, and the share of resize, RoiAlign, suppression."""
    parts = profile_model(model, frames[:1], threads=threads)
    return {"ms": parts, "share": round(share_of_vision(parts), 4)}


def set_bank_ms(model: Path, n: int = 200) -> dict[str, float]:
    """Return how long it takes to feed another bank to a running session, in milliseconds."""
    detector = OnnxDetector(model, provider="cpu")
    bank = bank_of(read_model_file(model))
    spent = []
    for _ in range(n):
        start = time.perf_counter()
        detector.set_bank(bank)
        spent.append(time.perf_counter() - start)
    return {
        "median": round(1e3 * float(np.median(spent)), 3),
        "p99": round(1e3 * float(np.percentile(spent, 99)), 3),
    }


def streams(model: Path, frames: list[Image], threads: int, n: int) -> list[dict[str, Any]]:
    """Return throughput and latency of several streams, without and with joined batches."""
    rows = []
    for name, batch, delay in (("one by one", 1, 0.0), ("joined", N_STREAMS, 0.02)):
        detector = OnnxDetector(model, provider="cpu", threads=threads)
        detector.warm_up(frames[0].shape[:2], batch)
        spent: list[float] = []
        with Batcher(detector, max_batch=batch, max_delay_s=delay) as batcher:

            def watch(offset: int, batcher: Batcher = batcher, spent: list[float] = spent) -> None:
                for i in range(n):
                    start = time.perf_counter()
                    batcher.submit(frames[(offset + i) % len(frames)]).result()
                    spent.append(time.perf_counter() - start)

            start = time.perf_counter()
            with ThreadPoolExecutor(N_STREAMS) as pool:
                list(pool.map(watch, range(N_STREAMS)))
            seconds = time.perf_counter() - start
        p50, p95 = np.percentile(spent, [50, 95]) * 1e3
        rows.append(
            {
                "streams": N_STREAMS,
                "how": name,
                "frames_per_call": round(batcher.count.n_frames / batcher.count.n_calls, 2),
                "frames_per_s": round(N_STREAMS * n / seconds, 2),
                "p50_ms": round(float(p50), 1),
                "p95_ms": round(float(p95), 1),
            }
        )
    return rows
