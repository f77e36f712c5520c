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
    console,
    emit_json,
    named_base,
    progress,
)

if TYPE_CHECKING:
    from drivemeta.core import Detections, Frame


def detect(
    images: Annotated[Path, typer.Argument(help="An image, or a folder of images.")],
    out: Annotated[Path, typer.Option(help="Folder of the results.")],
    model: ModelOption = None,
    name: NameOption = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="In place of each class's own threshold.")
    ] = None,
    provider: ProviderOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Detect in images: annotated pictures, JSON, COCO pre-labels.

    `detections.json` lists the images with the least certain first, where checking pays most;
    `coco.json` can be imported as pre-labels by annotation tools.
    """
    import json

    from drivemeta.cli.common import image_files
    from drivemeta.data.pre_labels import PreLabelled, by_certainty, coco_pre_labels
    from drivemeta.errors import InputError
    from drivemeta.files import write_text
    from drivemeta.runtime.detector import OnnxDetector
    from drivemeta.shipped import base_onnx
    from drivemeta.video.job import writable_folder

    if not images.exists():
        raise InputError(f"expected an image or a folder, found nothing at {images}")
    files = image_files(images) if images.is_dir() else [images]
    if out.resolve() == files[0].parent.resolve():
        raise InputError(f"--out: the results would mix with the images in {out}; name another")
    writable_folder(out)
    detector = OnnxDetector(named_base(model, name) or base_onnx(), provider=provider)
    images_found: list[PreLabelled] = []
    unreadable: list[str] = []
    with progress() as bar:
        for index, file in enumerate(bar.track(files, description="detecting")):
            frame = _read(file, index)
            if frame is None:
                unreadable.append(file.name)
                continue
            found = detector([frame.image], min_score)[0]
            _draw(frame, found, out / _picture_name(file, files))
            images_found.append(PreLabelled(frame.name, index, frame.size, found))
    if not images_found:
        raise InputError(f"expected an image, none of {len(files)} can be read: {images}")
    results = by_certainty(images_found)
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


def _read(path: Path, index: int) -> Frame | None:
    """Return the image, or None if it cannot be decoded."""
    from drivemeta.core import Frame
    from drivemeta.core.pictures import read_picture

    image = read_picture(path)
    return None if image is None else Frame(image, index, name=path.name)


def _picture_name(file: Path, files: list[Path]) -> str:
    """Return `a.png` for a.jpg, and `a.jpg.png` where another image is called `a` too."""
    alone = sum(other.stem == file.stem for other in files) == 1
    return f"{file.stem if alone else file.name}.png"


def _draw(frame: Frame, found: Detections, path: Path) -> None:
    import cv2

    from drivemeta.core import Tracks
    from drivemeta.files import write_bytes
    from drivemeta.plugins.sink.render import draw

    picture = draw(frame.image, Tracks.untracked(found))
    write_bytes(path, cv2.imencode(".png", picture)[1].tobytes())
