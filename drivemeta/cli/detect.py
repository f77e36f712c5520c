"""`drivemeta detect`: images in; annotated pictures, JSON and COCO pre-labels out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

    `detections.json` lists the images with the least certain first, where a look pays most;
    `coco.json` can be imported as pre-labels by annotation tools.
    """
    import json

    from drivemeta.cli.common import image_files
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
    results: list[tuple[Frame, Detections]] = []
    unreadable: list[str] = []
    with progress() as bar:
        for index, file in enumerate(bar.track(files, description="detecting")):
            frame = _read(file, index)
            if frame is None:
                unreadable.append(file.name)
                continue
            found = detector([frame.image], min_score)[0]
            _draw(frame, found, out / _picture_name(file, files))
            results.append((frame, found))
    if not results:
        raise InputError(f"expected an image, none of {len(files)} can be read: {images}")
    results.sort(key=lambda result: _certainty(result[1]))
    listed = {
        "model": str(model) if model else "base",
        "provider": detector.provider,
        "images": [_record(frame, found) for frame, found in results],
        "unreadable": unreadable,
    }
    write_text(out / "detections.json", json.dumps(listed, indent=1) + "\n")
    write_text(out / "coco.json", json.dumps(_coco(results, detector.classes)) + "\n")
    if as_json:
        emit_json(listed)
        return
    n_found = sum(len(found) for _, found in results)
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


def _certainty(found: Detections) -> float:
    """Return the lowest score in an image; images without detections come last."""
    return float(found.scores.min()) if len(found) else 2.0


def _record(frame: Frame, found: Detections) -> dict[str, Any]:
    height, width = frame.size
    return {
        "file_name": frame.name,
        "width": width,
        "height": height,
        "objects": [
            {
                "name": name,
                "score": round(float(score), 4),
                "box": [round(float(x), 2) for x in box],
            }
            for name, score, box in zip(found.names, found.scores, found.boxes, strict=True)
        ],
    }


def _coco(results: list[tuple[Frame, Detections]], classes: tuple[str, ...]) -> dict[str, Any]:
    from drivemeta.core.boxes import xyxy_to_xywh

    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for frame, found in results:
        height, width = frame.size
        image_id = frame.index + 1
        images.append({"id": image_id, "file_name": frame.name, "width": width, "height": height})
        for box, score, label in zip(
            xyxy_to_xywh(found.boxes), found.scores, found.labels, strict=True
        ):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": int(label) + 1,
                    "bbox": [round(float(x), 2) for x in box],
                    "area": round(float(box[2] * box[3]), 2),
                    "segmentation": [],
                    "iscrowd": 0,
                    "score": round(float(score), 4),
                }
            )
    return {
        "info": {"description": "DriveMeta pre-labels: to be checked"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(classes)],
    }
