"""`drivemeta teach`: a page on which a box is drawn once, and the whole clip lights up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivemeta.cli.common import panel
from drivemeta.cli.invocation import registry_of
from drivemeta.cli.shown import console
from drivemeta.errors import InputError

if TYPE_CHECKING:
    from drivemeta.teach.teacher import Teacher

START, LEARNING, SERVING = panel("What to start from"), panel("Learning"), panel("Serving")


def teach(
    ctx: typer.Context,
    videos: Annotated[
        list[Path] | None,
        typer.Argument(help="Videos and folders of images; none to go on with a project's own."),
    ] = None,
    project: Annotated[
        Path, typer.Option(help="Folder of the project, which is made or gone on with.")
    ] = Path("teach"),
    base: Annotated[
        Path | None,
        START(help="Weights (.safetensors) or a base of your own (.onnx); else, the shipped one."),
    ] = None,
    model: Annotated[
        Path | None, START(help="An adapted model (.onnx) to add classes to, and shots.")
    ] = None,
    learner: Annotated[
        str | None,
        LEARNING(help="Name of a learner plugin that makes rows alone; protonet by default."),
    ] = None,
    host: Annotated[
        str, SERVING(help="Address to listen on; any but loopback asks for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, SERVING(min=0, max=65535, help="Port; 0 for a free one.")] = 8088,
    browser: Annotated[
        bool, SERVING("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Teach classes by clicking boxes in a video: a page in the browser, without the internet.

    What you click is learnt at once, and every frame that shows it is marked. The page exports a
    verified ONNX model, the annotations and the annotated video. Ctrl+C ends it; everything is
    saved, and the same command goes on.
    """
    from importlib.util import find_spec

    try:
        from drivemeta.teach.serving import listen, serve

        if find_spec("torch") is None:  # which is loaded later, while the page opens
            raise ModuleNotFoundError(name="torch")
    except ModuleNotFoundError as error:
        raise InputError(
            f"drivemeta teach needs {error.name}: pip install 'drivemeta[teach]'"
        ) from error
    from drivemeta.teach.clip_list import clips_of, keep_clips
    from drivemeta.teach.clips import open_clip

    paths = clips_of(project, videos or [])
    clips = {name: open_clip(path) for name, path in paths.items()}
    at = listen(host, port)

    def begin() -> Teacher:
        from drivemeta.export.restore import restore
        from drivemeta.own.loading import load_base
        from drivemeta.teach.learners import PageLearner
        from drivemeta.teach.networks import give_way
        from drivemeta.teach.teacher import Teacher

        give_way()
        registry = registry_of(ctx)
        by = PageLearner(learner, registry) if learner else PageLearner(registry=registry)
        detector = load_base(base, registry)
        teacher = Teacher(restore(detector, model) if model else detector, clips, project, by)
        keep_clips(project, paths)
        return teacher

    console().print(f"teach    {at[1].url}", soft_wrap=True)
    console().print(f"project  {project} (Ctrl+C ends; everything is saved)", soft_wrap=True)
    serve(clips, project, begin, at, open_browser=browser)
