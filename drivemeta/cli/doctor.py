"""`drivemeta doctor`: what is here, what runs, what to install."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from drivemeta.cli.common import JsonOption, emit_json
from drivemeta.cli.shown import console, new_table, working

_STYLES = {"ok": "green", "off": "dim", "problem": "red"}


def doctor(
    bundle: Annotated[
        Path | None, typer.Option(help="ZIP to write what a bug report needs into.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="For the bundle: model whose manifest is told.")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="For the bundle: folder of a run; by default the newest one below here."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what this machine has, which providers really run a model, and what to install.

    Exits with 1 if something is broken; what is merely not there is no fault.
    """
    from drivemeta.cli.common import check_writable
    from drivemeta.errors import InputError
    from drivemeta.runtime.bundle import last_run, write_bundle
    from drivemeta.runtime.doctor import diagnose

    if bundle is not None:
        check_writable(bundle, ".zip", option="--bundle")
    elif model is not None or run is not None:
        raise InputError("--model and --run are for the bundle: name its file by --bundle")
    with working("examining this machine"):
        diagnosis = diagnose()
    files = []
    if bundle is not None:
        files = write_bundle(bundle, diagnosis, model, run or last_run(Path()))
    if as_json:
        findings = [asdict(finding) for finding in diagnosis.findings]
        emit_json({"healthy": diagnosis.healthy, "findings": findings, "bundle": files})
    else:
        table = new_table("what", "state", "found", "to do")
        for finding in diagnosis.findings:
            cells = (finding.what, finding.state, finding.found, finding.advice)
            table.add_row(*cells, style=_STYLES[finding.state])
        console().print(table)
        if files:
            console().print(f"wrote {bundle} ({', '.join(files)}): look into it before you send it")
    if not diagnosis.healthy:
        raise typer.Exit(1)
