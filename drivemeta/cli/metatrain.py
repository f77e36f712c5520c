"""`drivemeta metatrain`: meta-train a learner on episodes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivemeta.cli.invocation import registry_of

if TYPE_CHECKING:
    from drivemeta.plugins.registry import Registry
    from drivemeta.training.meta.omniglot_training import MetaTraining
    from drivemeta.training.meta.sign_training import SignTraining


def metatrain(
    ctx: typer.Context,
    learner: Annotated[str, typer.Argument(help="Name of a learner plugin.")],
    config: Annotated[Path, typer.Argument(help="YAML file, see configs/metatrain_*.yaml.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    out: Annotated[Path | None, typer.Option(help="Another folder than the config's.")] = None,
) -> None:
    """Meta-train a learner on episodes of Omniglot, or of signs over level 2, and test it."""
    from drivemeta.files import run_folder
    from drivemeta.training.allocator import keep_freed_memory
    from drivemeta.training.meta.kinds import load_meta_training

    keep_freed_memory()
    settings = load_meta_training(config)
    if out is not None:
        settings = settings.model_copy(update={"out": out})
    if settings.kind == "signs":
        with run_folder(settings.out / learner):
            _on_signs(learner, settings, resume, registry_of(ctx))
    else:
        with run_folder(settings.out):
            _on_omniglot(learner, settings, resume, registry_of(ctx))


def _report(line: str) -> None:
    typer.echo(line, err=True)
    sys.stderr.flush()


def _on_omniglot(learner: str, settings: MetaTraining, resume: bool, registry: Registry) -> None:
    from drivemeta.training.meta.omniglot_training import metatrain

    result = metatrain(learner, settings, resume=resume, report=_report, registry=registry)
    found, statistics = result.accuracy, "transductive" if result.transductive else "inductive"
    _report(
        f"{learner}: {100 * found.mean:.2f} +- {100 * found.interval:.2f} % of "
        f"{found.n_episodes} test episodes ({statistics}), weights: {result.weights}"
    )


def _on_signs(learner: str, settings: SignTraining, resume: bool, registry: Registry) -> None:
    from drivemeta.training.meta.sign_training import metatrain_signs

    result = metatrain_signs(learner, settings, resume=resume, report=_report, registry=registry)
    _report(
        f"{learner}: validation {100 * result.validation:.2f} % at iteration {result.iterations}, "
        f"{100 * result.start:.2f} % before, weights: {result.weights}"
    )
