"""Latency and throughput, each contender against the bare ONNX Runtime session of the same run.

Contenders take turns, round by round, so that whatever else the machine does falls on all alike;
ratios are medians over rounds of one run, and say more than the milliseconds beside them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivemeta.errors import InputError
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.model_file import read_model_file
from drivemeta.runtime.providers import SessionOptions, create_session

Image = NDArray[np.uint8]
PAUSE_S = 0.01  # the threads of the session before it wait actively for a while; let them sleep
BARE = "bare session"
OURS = "OnnxDetector"
PEER = "peer"


@dataclass(frozen=True)
class Setting:
    """What is varied.

    Attributes:
        model: Model file.
        provider: Short name of the provider requested.
        batch: Frames in one call.
        threads: Threads of the CPU for one operator, or None for ONNX Runtime's choice.
    """

    model: Path
    provider: str = "cpu"
    batch: int = 1
    threads: int | None = None


@dataclass(eq=False)
class Contender:
    """Something that is timed.

    Attributes:
        what: `bare session`, `OnnxDetector` or a peer's part.
        setting: Settings of the session.
        provider: Provider that really runs.
        precision: Precision of the model.
        input_size: Input size of the network, as text.
        run: Function that makes one call with the batch.
        seconds: Seconds that each call took.
    """

    what: str
    setting: Setting
    provider: str
    precision: str
    input_size: str
    run: Callable[[], object]
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class BenchRow:
    """One line of the table; times of one call in milliseconds.

    Attributes:
        ratio: Median over rounds of its time by that of the bare session of the same model and
            setting; None for peers.
    """

    model: str
    what: str
    provider: str
    precision: str
    input_size: str
    frame_size: str
    batch: int
    threads: int | None
    rounds: int
    median_ms: float
    p10_ms: float
    p90_ms: float
    frames_per_s: float
    ratio: float | None


def contenders_of(setting: Setting, frames: Sequence[Image]) -> list[Contender]:
    """Return the bare session and our detector for one setting.

    Args:
        setting: Model, provider, batch and threads.
        frames: (height, width, 3) uint8 BGR of one size, at least as many as the batch.

    Raises:
        ModelFileError: the model is damaged or not ours.
        ProviderError: the provider does not run.
    """
    file = read_model_file(setting.model)
    chosen = list(frames[: setting.batch])
    batch = np.stack(chosen)
    options = SessionOptions(setting.provider, threads=setting.threads)
    session, provider = create_session(file.data, options)
    detector = OnnxDetector(setting.model, provider=setting.provider, threads=setting.threads)
    rule = file.manifest.input
    size = f"{rule.height}x{rule.width}"
    calls: dict[str, Callable[[], object]] = {
        BARE: lambda: session.run(None, {"frames": batch}),
        OURS: lambda: detector(chosen),
    }
    return [
        Contender(what, setting, provider, file.manifest.precision, size, call)
        for what, call in calls.items()
    ]


def measure(
    contenders: Sequence[Contender],
    rounds: int,
    warmup: int,
    on_round: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Run all contenders in turns; their `seconds` are filled.

    Args:
        contenders: Contenders to time.
        rounds: Calls of each that count.
        warmup: Calls of each before that.
        on_round: Function called after each round.
        clock: Clock in seconds; `time.process_time` leaves out what other processes take, and says
            something for one thread only.
    """
    for contender in contenders:
        for _ in range(warmup):
            contender.run()
    for i in range(rounds):
        # Whoever comes second in a round finds other caches; the order turns.
        for contender in contenders if i % 2 else reversed(contenders):
            time.sleep(PAUSE_S)
            start = clock()
            contender.run()
            contender.seconds.append(clock() - start)
        on_round()


def summarise(contenders: Sequence[Contender], frame_size: tuple[int, int]) -> list[BenchRow]:
    """Return the table's rows, in the order of the contenders."""
    bare = {c.setting: np.array(c.seconds) for c in contenders if c.what == BARE}
    rows = []
    for each in contenders:
        seconds = np.array(each.seconds)
        p10, median, p90 = np.percentile(seconds, [10, 50, 90]) * 1e3
        ratio = None
        if each.setting in bare:
            ratio = round(float(np.median(seconds / bare[each.setting])), 4)
        rows.append(
            BenchRow(
                model=str(each.setting.model),
                what=each.what,
                provider=each.provider,
                precision=each.precision,
                input_size=each.input_size,
                frame_size=f"{frame_size[0]}x{frame_size[1]}",
                batch=each.setting.batch,
                threads=each.setting.threads,
                rounds=len(seconds),
                median_ms=round(float(median), 3),
                p10_ms=round(float(p10), 3),
                p90_ms=round(float(p90), 3),
                frames_per_s=round(1e3 * each.setting.batch / float(median), 2),
                ratio=ratio,
            )
        )
    return rows


def settings_of(
    models: Iterable[Path],
    providers: Iterable[str],
    batches: Iterable[int],
    threads: Iterable[int | None],
) -> list[Setting]:
    """Return all combinations.

    >>> len(settings_of([Path("a.onnx")], ["cpu"], [1, 4], [1, 2]))
    4
    """
    batches, threads, providers = list(batches), list(threads), list(providers)
    return [
        Setting(model, provider, batch, count)
        for model in models
        for provider in providers
        for batch in batches
        for count in threads
    ]


def speed_up(rows: Sequence[BenchRow], contenders: Sequence[Contender]) -> dict[str, float]:
    """Return how many times as fast as the first model each further one is, for equal settings.

    Keys are `model, provider, batch, threads`; values are medians over rounds of one run.
    """
    first = contenders[0].setting.model
    found: dict[str, float] = {}
    baseline = {
        (c.what, c.setting.provider, c.setting.batch, c.setting.threads): np.array(c.seconds)
        for c in contenders
        if c.setting.model == first
    }
    for row, each in zip(rows, contenders, strict=True):
        key = (each.what, each.setting.provider, each.setting.batch, each.setting.threads)
        if each.what == BARE and each.setting.model != first and key in baseline:
            threads = f"threads {row.threads or 'auto'}"
            name = f"{row.model}, {row.provider}, batch {row.batch}, {threads}"
            found[name] = round(float(np.median(baseline[key] / np.array(each.seconds))), 3)
    return found


def check_frames(frames: Sequence[Image], batch: int) -> tuple[int, int]:
    """Return the frames' height and width.

    Raises:
        InputError: there are none, or their sizes differ.
    """
    sizes = {(frame.shape[0], frame.shape[1]) for frame in frames}
    if len(sizes) != 1 or len(frames) < batch:
        raise InputError(
            f"expected at least {batch} frames of one size, found {len(frames)} of "
            f"{len(sizes)} sizes"
        )
    return sizes.pop()
