"""`drivemeta deploy`: a model as a Triton repository, a ROS 2 package or a portable folder."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from drivemeta.cli.common import JsonOption, emit_json
from drivemeta.cli.shown import console


class Target(StrEnum):
    """Where the model is to run."""

    triton = "triton"
    folder = "folder"
    ros2 = "ros2"


def deploy(
    model: Annotated[Path, typer.Argument(help="An ONNX model exported by DriveMeta.")],
    out: Annotated[
        Path,
        typer.Option(help="The repository, the folder of packages, or the folder to write."),
    ],
    target: Annotated[
        Target,
        typer.Option(
            help="triton: a model of a repository; ros2: a package with a node; folder: with its "
            "clients."
        ),
    ] = Target.folder,
    name: Annotated[
        str | None,
        typer.Option(help="Of the model (Triton) or package (ROS 2)."),
    ] = None,
    frame_size: Annotated[
        str | None, typer.Option(help="Triton: height x width of the only frames taken.")
    ] = None,
    max_batch: Annotated[int, typer.Option(min=1, help="Triton: most frames in one call.")] = 8,
    max_delay_us: Annotated[
        int, typer.Option(min=0, help="Triton: how long a request may wait for others.")
    ] = 2000,
    instances: Annotated[int, typer.Option(min=1, help="Triton: copies that run at once.")] = 1,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of what is there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a model to where it is to run, and verify what was written."""
    from drivemeta.cli.common import parse_size
    from drivemeta.deploy.folder import write_folder
    from drivemeta.deploy.ros2 import write_ros2
    from drivemeta.deploy.triton import TritonRule, write_triton
    from drivemeta.deploy.verify_folder import verify_deployed

    if target is Target.triton:
        size = parse_size(frame_size, "--frame-size")
        rule = TritonRule(max_batch, max_delay_us, instances, size)
        path = write_triton(model, out, name, rule, replace=replace)
    elif target is Target.ros2:
        path = write_ros2(model, out, name, replace=replace)
    else:
        path = write_folder(model, out, replace=replace)
    (report,) = verify_deployed(path, "cpu")
    files = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    if as_json:
        emit_json({"path": str(path), "files": files, "verified": asdict(report)})
        return
    console().print(
        f"wrote {path} ({', '.join(files)}), verified by its probe's {report.n_rows} rows",
    )
