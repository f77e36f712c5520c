"""`drivemeta doctor`: what is here, what runs, what to install."""

from __future__ import annotations

from dataclasses import asdict

import typer

from drivemeta.cli.common import JsonOption, emit_json
from drivemeta.cli.shown import console, new_table, working

_STYLES = {"ok": "green", "off": "dim", "problem": "red"}


def doctor(as_json: JsonOption = False) -> None:
    """Print what this machine has, which providers really run a model, and what to install.

    Exits with 1 if something is broken; what is merely not there is no fault.
    """
    from drivemeta.runtime.doctor import diagnose

    with working("examining this machine"):
        diagnosis = diagnose()
    if as_json:
        findings = [asdict(finding) for finding in diagnosis.findings]
        emit_json({"healthy": diagnosis.healthy, "findings": findings})
    else:
        table = new_table("what", "state", "found", "to do")
        for finding in diagnosis.findings:
            cells = (finding.what, finding.state, finding.found, finding.advice)
            table.add_row(*cells, style=_STYLES[finding.state])
        console().print(table)
    if not diagnosis.healthy:
        raise typer.Exit(1)
