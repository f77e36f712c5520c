"""One frame's result as JSON values."""

from __future__ import annotations

from typing import Any

from drivemeta.core import UNTRACKED, Frame, Tracks


def frame_record(frame: Frame, tracks: Tracks) -> dict[str, Any]:
    """Return a frame: its place in time, and its objects with boxes xyxy in its pixels."""
    found = tracks.detections
    objects = [
        {
            "id": int(track) if track != UNTRACKED else None,
            "label": int(label),
            "name": found.classes[label],
            "score": round(float(score), 4),
            "box": [round(float(x), 2) for x in box],
        }
        for track, label, score, box in zip(
            tracks.ids, found.labels, found.scores, found.boxes, strict=True
        )
    ]
    return {
        "frame": frame.index,
        "time_s": round(frame.time_s, 6),
        "pts": frame.pts,
        "name": frame.name,
        "objects": objects,
    }
