"""`drivemeta train`: base training of either level, and of the embedding of things."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivemeta.cli.invocation import registry_of

app = typer.Typer(help="Train the base: level 1 (detector), level 2 (embedding), things.")

Config = Annotated[Path, typer.Argument(help="YAML file, see configs/train_*.yaml.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")]


@app.command()
def detector(ctx: typer.Context, config: Config, resume: Resume = False) -> None:
    """Train level 1, which finds objects of the super-classes."""
    from drivemeta.config import load_config
    from drivemeta.files import run_folder
    from drivemeta.training.allocator import keep_freed_memory
    from drivemeta.training.base.detector import DetectorTraining, train_detector

    keep_freed_memory()
    settings = load_config(config, DetectorTraining)
    with run_folder(settings.out):
        written = train_detector(settings, resume=resume, registry=registry_of(ctx))
    typer.echo(f"weights: {written}", err=True)


@app.command()
def embedding(ctx: typer.Context, config: Config, resume: Resume = False) -> None:
    """Train level 2, which names what level 1 finds."""
    from drivemeta.config import load_config
    from drivemeta.files import run_folder
    from drivemeta.training.allocator import keep_freed_memory
    from drivemeta.training.base.embedding import EmbeddingTraining, train_embedding

    keep_freed_memory()
    settings = load_config(config, EmbeddingTraining)
    with run_folder(settings.out):
        written = train_embedding(settings, resume=resume, registry=registry_of(ctx))
    typer.echo(f"weights: {written}", err=True)


@app.command()
def things(config: Config, resume: Resume = False) -> None:
    """Train the embedding of things: vehicles, people, animals, street furniture."""
    from drivemeta.config import load_config
    from drivemeta.training.allocator import keep_freed_memory
    from drivemeta.training.base.things import ThingTraining, train_things

    keep_freed_memory()
    settings = load_config(config, ThingTraining)
    written = train_things(settings, resume=resume)
    typer.echo(f"weights: {written}", err=True)
