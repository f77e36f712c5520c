"""Where the time of a run went, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivemeta.cli.shown import new_table

if TYPE_CHECKING:
    from rich.table import Table

    from drivemeta.video.summary import RunSummary

ADVICE = {
    "decode": "decoding holds the run up: a smaller or less compressed source decodes faster",
    "infer": "the network holds the run up: --every 2, a GPU or a smaller model would be faster",
    "track": "tracking holds the run up: --tracker bytetrack is cheaper",
    "write": "the sinks hold the run up: fewer of them, or a faster disk or broker",
}
BUSY = 0.5  # a stage at work for less of the run holds nothing up: the source sets the pace


def stage_table(summary: RunSummary) -> Table:
    """Return a row a stage: threads, milliseconds a frame, and the part of the run at work."""
    table = new_table("stage", "threads", "ms a frame", "at work")
    clock = summary.clock
    for stage, seconds in clock.seconds.items():
        frames = clock.frames[stage]
        table.add_row(
            stage,
            str(clock.threads[stage]),
            f"{1000 * seconds / frames:.1f}" if frames else "-",
            "waits for the source"
            if clock.live and stage == "decode"
            else f"{_share(summary, stage):.0%}",
        )
    return table


def advice(summary: RunSummary) -> str:
    """Return what holds the run up, and what helps."""
    stage = summary.clock.bottleneck()
    if stage is None:
        return "nothing was done"
    if _share(summary, stage) < BUSY:
        return "no stage was at work half the time: the source sets the pace, or the run was short"
    return ADVICE[stage]


def _share(summary: RunSummary, stage: str) -> float:
    return summary.clock.busy(stage) / summary.seconds if summary.seconds else 0.0
