"""`drivemeta metatrain`: meta-train a learner on episodes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def metatrain(
    learner: Annotated[str, typer.Argument(help="Name of a learner plugin.")],
    config: Annotated[Path, typer.Argument(help="YAML file, see configs/metatrain_*.yaml.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    out: Annotated[Path | None, typer.Option(help="Another folder than the config's.")] = None,
) -> None:
    """Meta-train a learner on episodes of Omniglot and test it."""
    from drivemeta.config import load_config
    from drivemeta.learn.metatrain import MetaTraining
    from drivemeta.learn.metatrain import metatrain as train

    settings = load_config(config, MetaTraining)
    if out is not None:
        settings = settings.model_copy(update={"out": out})

    def report(line: str) -> None:
        typer.echo(line, err=True)
        sys.stderr.flush()

    result = train(learner, settings, resume=resume, report=report)
    found, statistics = result.accuracy, "transductive" if result.transductive else "inductive"
    typer.echo(
        f"{learner}: {100 * found.mean:.2f} +- {100 * found.interval:.2f} % of "
        f"{found.n_episodes} test episodes ({statistics}), weights: {result.weights}",
        err=True,
    )
