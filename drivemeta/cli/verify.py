"""`drivemeta verify`: does an ONNX file compute what it was exported to compute?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from drivemeta.cli.common import JsonOption, ProviderOption, emit_json
from drivemeta.cli.shown import console


def verify(
    model: Annotated[
        Path, typer.Argument(help="An exported model, or a folder that `drivemeta deploy` wrote.")
    ],
    provider: ProviderOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Check that an ONNX model computes what it was exported to compute.

    The file alone is enough: it holds a probe frame and the rows expected in it. Of a deployed
    folder the checksums, labels and configuration are checked too.
    """
    from drivemeta.deploy.verify_folder import verify_deployed

    reports = verify_deployed(model, provider)
    if as_json:
        several = model.is_dir() and len(reports) > 1
        emit_json({"models": [asdict(r) for r in reports]} if several else asdict(reports[0]))
        return
    for report in reports:
        console().print(
            f"{report.path} is sound: {report.n_bytes / 1e6:.1f} MB, {report.precision}, opset "
            f"{report.opset}, {len(report.classes)} classes ({', '.join(report.classes)})\n"
            f"its probe gives all {report.n_rows} rows on provider {report.provider}: boxes differ "
            f"by at most {report.box_px:.1g} px, scores by {report.score:.1g}",
        )
