"""`drivemeta demo`: a new sign class from five frames, found in a video, start to end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivemeta.cli.common import JsonOption, ProviderOption, emit_json
from drivemeta.cli.invocation import registry_of
from drivemeta.cli.shown import console, new_table, progress

if TYPE_CHECKING:
    from drivemeta.demo.run import DemoReport


def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for what the demo writes.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other frames and clip.")] = 0,
    sign: Annotated[str, typer.Option(help="The sign class to learn.")] = "falling_rocks",
    learner: Annotated[str, typer.Option(help="Learner plugin.")] = "protonet",
    frames: Annotated[int, typer.Option(min=1, help="Frames of the clip.")] = 100,
    encoder: Annotated[str, typer.Option(help="h264, openh264 or mpeg4.")] = "h264",
    provider: ProviderOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Learn a sign from five frames and find it in a video, start to end.

    Frames and clip are rendered; no training frame of the base shows the sign.
    """
    from drivemeta.demo.run import DemoOptions, run_demo
    from drivemeta.errors import InputError, suggest
    from drivemeta.files import run_folder
    from drivemeta.synthetic import DEMO_PICTOGRAMS

    if sign not in DEMO_PICTOGRAMS:
        hint = suggest(sign, DEMO_PICTOGRAMS)
        raise InputError(f"--sign: expected a class kept out of training, found {sign!r}; {hint}")
    options = DemoOptions(sign, seed, learner, frames, encoder=encoder, provider=provider)
    with run_folder(out), progress() as bar:
        tasks: dict[str, int] = {}

        def advance(step: str, done: int, total: int) -> None:
            if step not in tasks:
                for task in tasks.values():
                    bar.update(task, completed=bar.tasks[task].total)  # type: ignore[arg-type]
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done)  # type: ignore[arg-type]

        report = run_demo(out, options, advance, registry_of(ctx))
        advance("done", 1, 1)
    if as_json:
        emit_json(report.as_json())
    else:
        _show(report)


def _show(report: DemoReport) -> None:

    learnt, score, shown = report.adapted.classes[0], report.score, console()
    table = new_table("class", "shots", "threshold", "signs found", "precision", "recall")
    table.add_row(
        learnt.name,
        str(learnt.shots),
        f"{learnt.threshold:.2f}",
        f"{len(score.signs_found)} of {len(score.signs)}",
        f"{score.precision:.2f}",
        f"{score.recall:.2f}",
    )
    shown.print(table)
    others = {k: v for k, v in report.summary.detections.most_common() if k != learnt.name}
    found = ", ".join(f"{count} {name}" for name, count in others.items())
    shown.print(f"clip      {report.summary.frames} frames; boxes found besides: {found or 'none'}")
    shown.print(f"verified  {report.verified.n_rows} rows on {report.verified.provider}")
    steps = ", ".join(f"{name} {value:.1f} s" for name, value in report.seconds.items())
    shown.print(f"time      {steps}; {sum(report.seconds.values()):.1f} s in all")
    for name, path in report.files.items():
        shown.print(f"{name:<14}{path}", soft_wrap=True)
