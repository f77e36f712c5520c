"""`drivemeta detect`: images in; annotated pictures, JSON and COCO pre-labels out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivemeta.cli.common import (
    JsonOption,
    ModelOption,
    NameOption,
    ProviderOption,
    emit_json,
    with_names,
)
from drivemeta.cli.invocation import registry_of
from drivemeta.cli.shown import console, progress

if TYPE_CHECKING:
    from drivemeta.core import Detections, Frame
    from drivemeta.data.pre_labels import PreLabelled
    from drivemeta.plugins.registry import Registry
    from drivemeta.runtime.detector import OnnxDetector


def detect(
    ctx: typer.Context,
    images: Annotated[Path, typer.Argument(help="An image, or a folder of images.")],
    out: Annotated[Path, typer.Option(help="Folder of the results.")],
    model: ModelOption = None,
    name: NameOption = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="In place of each class's own threshold.")
    ] = None,
    stretch: Annotated[
        bool,
        typer.Option(
            "--stretch", help="Stretch each image to the whole range, as --read values=stretched."
        ),
    ] = False,
    labels: Annotated[
        str, typer.Option(help="What labels say: name,score, one of these, or none.")
    ] = "name,score",
    provider: ProviderOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Detect in images: annotated pictures, JSON, COCO pre-labels.

    `detections.json` lists the images with the least certain first, where checking pays most;
    `coco.json` can be imported as pre-labels by annotation tools.
    """
    import json

    from drivemeta.data.pre_labels import by_certainty, coco_pre_labels
    from drivemeta.errors import InputError
    from drivemeta.files import run_folder, write_text
    from drivemeta.plugins.sink.render import label_parts
    from drivemeta.runtime.detector import OnnxDetector
    from drivemeta.shipped import base_onnx

    parts, files = label_parts(labels), _files(images, registry_of(ctx))
    if out.resolve() == files[0].parent.resolve():
        raise InputError(f"--out: the results would mix with the images in {out}; name another")
    detector = OnnxDetector(with_names(model, name) or base_onnx(), provider=provider)
    with run_folder(out):
        found, unreadable = _found(
            detector, files, out, parts, min_score=min_score, stretch=stretch
        )
        if not found:
            raise InputError(f"expected an image, none of {len(files)} can be read: {images}")
        results = by_certainty(found)
        listed = {
            "model": str(model) if model else "base",
            "provider": detector.provider,
            "images": [image.as_json() for image in results],
            "unreadable": unreadable,
        }
        write_text(out / "detections.json", json.dumps(listed, indent=1) + "\n")
        coco = coco_pre_labels(results, detector.classes)
        write_text(out / "coco.json", json.dumps(coco) + "\n")
    if as_json:
        emit_json(listed)
        return
    n_found = sum(len(image.found) for image in results)
    console().print(f"{n_found} objects in {len(results)} images on {detector.provider}: {out}")
    if unreadable:
        console().print(f"{len(unreadable)} cannot be read: {', '.join(unreadable)}")


def _files(place: Path, registry: Registry) -> list[Path]:
    """Return the images of a place.

    Raises:
        InputError: there are none; says what reads videos.
    """
    from drivemeta.cli.common import image_files
    from drivemeta.errors import InputError
    from drivemeta.files import list_files
    from drivemeta.video.source_table import SourceTable

    reads = SourceTable(registry).reads_file
    videos = [path for path in (list_files(place) if place.is_dir() else [place]) if reads(path)]
    instead = f"videos are for `drivemeta process {place} --out DIR`"
    if not place.exists():
        raise InputError(
            f"expected an image or a folder, found nothing at {place}; streams, cameras and "
            f"{instead}"
        )
    if not place.is_dir():
        if videos:
            raise InputError(f"expected an image or a folder, found a video at {place}; {instead}")
        return [place]
    try:
        return image_files(place)
    except InputError as error:
        if videos:
            error.add_note(f"{videos[0].name} is a video; {instead}")
        raise


def _found(
    detector: OnnxDetector,
    files: list[Path],
    out: Path,
    parts: tuple[str, ...],
    *,
    min_score: float | None,
    stretch: bool,
) -> tuple[list[PreLabelled], list[str]]:
    """Return what is detected in each image, and the names of those that cannot be read."""
    from drivemeta.data.pre_labels import PreLabelled

    found: list[PreLabelled] = []
    unreadable: list[str] = []
    with progress() as bar:
        for index, file in enumerate(bar.track(files, description="detecting")):
            frame = _read(file, index, stretch)
            if frame is None:
                unreadable.append(file.name)
                continue
            detected = detector([frame.image], min_score)[0]
            _draw(frame, detected, parts, out / _picture_name(file, files))
            found.append(PreLabelled(frame.name, index, frame.size, detected))
    return found, unreadable


def _read(path: Path, index: int, stretch: bool) -> Frame | None:
    """Return the image, or None if it cannot be decoded."""
    from drivemeta.core import Frame
    from drivemeta.core.pictures import read_picture
    from drivemeta.data.readers.stretch import stretched_picture
    from drivemeta.errors import AnnotationError

    try:
        image = stretched_picture(path) if stretch else read_picture(path)
    except AnnotationError:
        return None
    return None if image is None else Frame(image, index, name=path.name)


def _picture_name(file: Path, files: list[Path]) -> str:
    """Return `a.png` for a.jpg, and `a.jpg.png` where another image is called `a` too."""
    alone = sum(other.stem == file.stem for other in files) == 1
    return f"{file.stem if alone else file.name}.png"


def _draw(frame: Frame, found: Detections, parts: tuple[str, ...], path: Path) -> None:
    import cv2

    from drivemeta.core import Tracks
    from drivemeta.files import write_bytes
    from drivemeta.plugins.sink.render import draw

    picture = draw(frame.image, Tracks.untracked(found), parts)
    write_bytes(path, cv2.imencode(".png", picture)[1].tobytes())
