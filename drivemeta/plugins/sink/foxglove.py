"""Foxglove's messages as JSON: the parts of their schemas that are written here.

Definitions: https://docs.foxglove.dev/docs/visualization/message-schemas. In JSON, bytes are
base64 and times are `{"sec", "nsec"}`.
"""

from __future__ import annotations

import base64
from typing import Any

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.plugins.sink.class_colours import colours_of

TOPICS = {
    "/camera/image": "foxglove.CompressedImage",
    "/camera/annotations": "foxglove.ImageAnnotations",
}
LINE_LOOP = 2
_TIME = {"type": "object", "properties": {"sec": {"type": "integer"}, "nsec": {"type": "integer"}}}
_POINT = {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}}}
_COLOUR = {"type": "object", "properties": {key: {"type": "number"} for key in "rgba"}}


def _objects(**properties: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": properties}}


SCHEMAS: dict[str, dict[str, Any]] = {
    "foxglove.CompressedImage": {
        "title": "foxglove.CompressedImage",
        "type": "object",
        "properties": {
            "timestamp": _TIME,
            "frame_id": {"type": "string"},
            "data": {"type": "string", "contentEncoding": "base64"},
            "format": {"type": "string"},
        },
    },
    "foxglove.ImageAnnotations": {
        "title": "foxglove.ImageAnnotations",
        "type": "object",
        "properties": {
            "circles": _objects(timestamp=_TIME),
            "points": _objects(
                timestamp=_TIME,
                type={"type": "integer"},
                points={"type": "array", "items": _POINT},
                outline_color=_COLOUR,
                thickness={"type": "number"},
            ),
            "texts": _objects(
                timestamp=_TIME,
                position=_POINT,
                text={"type": "string"},
                font_size={"type": "number"},
                text_color=_COLOUR,
                background_color=_COLOUR,
            ),
        },
    },
}


def frame_messages(frame: Frame, tracks: Tracks, jpeg: bytes) -> dict[str, dict[str, Any]]:
    """Return the messages of one frame by topic: its picture, and what to lay over it."""
    time_ns = round(frame.time_s * 1e9)
    palette = colours_of(tracks.detections.classes)
    colours = [palette[label] for label in tracks.detections.labels]
    return {
        "/camera/image": compressed_image(jpeg, time_ns),
        "/camera/annotations": image_annotations(tracks, time_ns, colours),
    }


def compressed_image(jpeg: bytes, time_ns: int) -> dict[str, Any]:
    """Return a `foxglove.CompressedImage` of a JPEG."""
    data = base64.b64encode(jpeg).decode()
    return {"timestamp": _time(time_ns), "frame_id": "camera", "data": data, "format": "jpeg"}


def image_annotations(
    tracks: Tracks, time_ns: int, colours: list[tuple[int, int, int]]
) -> dict[str, Any]:
    """Return `foxglove.ImageAnnotations`: an outline and a caption for each object.

    Args:
        tracks: Tracks of one frame, boxes in its pixels.
        time_ns: Presentation time of the frame in nanoseconds.
        colours: RGB of each object, 0 to 255.
    """
    found, stamp = tracks.detections, _time(time_ns)
    points, texts = [], []
    rows = zip(tracks.ids, found.names, found.scores, found.boxes.tolist(), colours, strict=True)
    for track, name, score, (x1, y1, x2, y2), (red, green, blue) in rows:
        colour = {"r": red / 255, "g": green / 255, "b": blue / 255, "a": 1.0}
        corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
        points.append(
            {
                "timestamp": stamp,
                "type": LINE_LOOP,
                "points": [{"x": x, "y": y} for x, y in corners],
                "outline_color": colour,
                "thickness": 2.0,
            }
        )
        number = "" if track == UNTRACKED else f" #{track}"
        texts.append(
            {
                "timestamp": stamp,
                "position": {"x": x1, "y": y1},
                "text": f"{name} {score:.2f}{number}",
                "font_size": 12.0,
                "text_color": {"r": 0.0, "g": 0.0, "b": 0.0, "a": 1.0},
                "background_color": colour,
            }
        )
    return {"circles": [], "points": points, "texts": texts}


def _time(time_ns: int) -> dict[str, int]:
    return {"sec": time_ns // 1_000_000_000, "nsec": time_ns % 1_000_000_000}
