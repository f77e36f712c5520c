"""`drivemeta bench`: how fast models run here, against the bare session and against others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivemeta.cli.common import JsonOption, emit_json, panel, parse_size
from drivemeta.cli.invocation import registry_of
from drivemeta.cli.shown import console, new_table, progress

if TYPE_CHECKING:
    from drivemeta.bench.measure import BenchRow, Contender, Image

SETTINGS, FRAMES, MEASURING = panel("Settings compared"), panel("Frames"), panel("Measuring")


def bench(
    ctx: typer.Context,
    models: Annotated[
        list[Path] | None, typer.Argument(help="ONNX models; without any, the shipped base.")
    ] = None,
    peer: Annotated[
        list[Path] | None, SETTINGS(help="Another ONNX detector, on the same frames.")
    ] = None,
    peer_size: Annotated[
        str | None,
        SETTINGS(help="Height x width of a peer's input where its file leaves it."),
    ] = None,
    provider: Annotated[
        list[str] | None, SETTINGS(help="cpu, cuda, ...; several are compared.")
    ] = None,
    batch: Annotated[list[int] | None, SETTINGS(min=1, help="Frames in one call.")] = None,
    threads: Annotated[
        list[int] | None, SETTINGS(min=0, help="Of the CPU for one operator; 0: ORT's choice.")
    ] = None,
    frames: Annotated[
        str | None, FRAMES(help="Folder, video or synthetic:SEED; drawn by default.")
    ] = None,
    frame_size: Annotated[
        str | None, FRAMES(help="Height x width that frames are resized to; else 720x1280.")
    ] = None,
    rounds: Annotated[int, MEASURING(min=1, help="Calls of each that count.")] = 20,
    warmup: Annotated[int, MEASURING(min=0, help="Calls of each before that.")] = 3,
    parts: Annotated[
        bool, MEASURING("--parts", help="Also where the time goes, by ONNX Runtime's profiler.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure latency and throughput; all contenders take turns in one run.

    `ratio` is a contender's time by that of the bare ONNX Runtime session of the same model and
    settings, the median over rounds. On a busy machine trust ratios, not milliseconds.
    """
    from drivemeta.bench.measure import (
        contenders_of,
        measure,
        settings_of,
        speed_up,
        summarise,
    )
    from drivemeta.bench.peer import peer_contenders
    from drivemeta.shipped import base_onnx

    models = models or [base_onnx()]
    counts = [count or None for count in threads or [0]]
    batches, providers = batch or [1], provider or ["cpu"]
    size = parse_size(frame_size, "--frame-size")
    pictures = _frames(ctx, frames, size, models[0], max(batches))
    height, width = pictures[0].shape[:2]
    contenders: list[Contender] = []
    for setting in settings_of(models, providers, batches, counts):
        contenders += contenders_of(setting, pictures)
    n_ours = len(contenders)
    for setting in settings_of(peer or [], providers, batches, counts):
        contenders += peer_contenders(setting, pictures, parse_size(peer_size, "--peer-size"))
    with progress() as bar:
        task = bar.add_task("measuring", total=rounds)
        measure(contenders, rounds, warmup, lambda: bar.advance(task))
    rows = summarise(contenders, (height, width))
    faster = speed_up(rows[:n_ours], contenders[:n_ours])
    shares = _parts(models, pictures[: batches[0]], providers[0], counts[0]) if parts else {}
    console().print(_table(rows))
    for name, ratio in faster.items():
        console().print(f"{name}: {ratio:.2f} times as fast as {models[0]}")
    for name, share in shares.items():
        console().print(_parts_table(name, share))
    if as_json:
        emit_json(_as_json(rows, faster, shares))


def _frames(
    ctx: typer.Context, place: str | None, size: tuple[int, int] | None, model: Path, n: int
) -> list[Image]:
    from drivemeta.bench.frames import drawn_frames, of_size, read_frames
    from drivemeta.bench.measure import check_frames
    from drivemeta.runtime.model_file import read_model_file

    size = size or read_model_file(model).manifest.input.frame_size
    if place is None:
        return drawn_frames(n, size or (720, 1280))
    found = read_frames(place, n, registry_of(ctx))
    while len(found) < n:
        found += found
    found = of_size(found, size) if size else found
    check_frames(found, n)
    return found


def _parts(
    models: list[Path], frames: list[Image], provider: str, threads: int | None
) -> dict[str, dict[str, float]]:
    from drivemeta.bench.profile import profile_model

    return {
        str(model): profile_model(model, frames, provider=provider, threads=threads)
        for model in models
    }


def _table(rows: list[BenchRow]) -> Any:

    first = rows[0]
    columns = ("model", "what", "on", "batch", "median", "p10-p90", "frames/s", "ratio")
    title = f"frames of {first.frame_size}, {first.rounds} rounds, milliseconds a call"
    table = new_table(*columns, n_left=3, title=title)
    for row in rows:
        table.add_row(
            f"{Path(row.model).name}\n{row.precision}, {row.input_size}",
            row.what,
            f"{row.provider}\n{row.threads or 'all'} threads",
            str(row.batch),
            f"{row.median_ms:.1f}",
            f"{row.p10_ms:.1f}-{row.p90_ms:.1f}",
            f"{row.frames_per_s:.1f}",
            "" if row.ratio is None else f"{row.ratio:.3f}",
        )
    return table


def _parts_table(name: str, parts: dict[str, float]) -> Any:

    from drivemeta.bench.profile import share_of_vision

    total = sum(parts.values())
    title = f"{Path(name).name}: where the time of one call goes"
    table = new_table("part", "ms", "share", n_left=1, title=title)
    for part, ms in parts.items():
        table.add_row(part, f"{ms:.2f}", f"{100 * ms / total:.1f} %")
    share = f"{100 * share_of_vision(parts):.1f} %"
    table.add_row("resize, RoiAlign and suppression together", "", share)
    return table


def _as_json(
    rows: list[BenchRow], faster: dict[str, float], parts: dict[str, dict[str, float]]
) -> dict[str, Any]:
    import os
    from dataclasses import asdict

    import onnxruntime as ort

    return {
        "onnxruntime": ort.__version__,
        "cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "rows": [asdict(row) for row in rows],
        "times_as_fast_as_the_first": faster,
        "parts_ms": parts,
    }
