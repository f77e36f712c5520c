"""The frames of hits, decoded again from their videos: for each video one pass, by seeking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from drivemeta.archive.hits import Hit
from drivemeta.archive.places import Kind, Video, said
from drivemeta.archive.reading_frames import SegmentFrames
from drivemeta.archive.segments import VideoSegment, Wanted
from drivemeta.plugins.registry import Registry

Image = NDArray[np.uint8]
Place = tuple[str, int]  # video and frame
NEAR_S = 5.0  # frames so near are decoded in one go


def frames_of_hits(
    hits: Sequence[Hit], kinds: dict[str, Kind], registry: Registry, problems: dict[str, str]
) -> Iterator[tuple[Place, Image]]:
    """Yield the frame of each hit's best view once, by video and frame.

    Args:
        hits: Hits.
        kinds: How each video is read, by its place.
        registry: Plugins that streams are read by.
        problems: What could not be read is added to it, by video.
    """
    wanted = sorted({(hit.video, hit.frame, hit.pts, hit.time_s) for hit in hits}, key=_order)
    for video, listed in groupby(wanted, lambda each: each[0]):
        frames = [Wanted(frame, pts, time_s) for _, frame, pts, time_s in listed]
        kind = kinds.get(video, "file")
        for near in _near(frames) if kind == "file" else [frames]:
            seek = near[0].pts if near[0].frame else None
            segment = VideoSegment(Video(video, kind), 0, 1, tuple(near), seek, 1, "")
            reader = SegmentFrames(segment, registry)
            try:
                for each, image in reader:
                    yield (video, each.frame), image
            except Exception as error:  # noqa: BLE001  (a hit without a picture is a hit)
                problems[video] = said(error)
            if reader.n_missing:
                problems.setdefault(video, f"{reader.n_missing} frames cannot be decoded any more")


def crop_of(image: Image, box: tuple[float, float, float, float], margin: float = 0.6) -> Image:
    """Return the part of an image round a box, with a margin of so many of its sides."""
    height, width = image.shape[:2]
    side = margin * max(box[2] - box[0], box[3] - box[1])
    x1, y1 = int(max(0, box[0] - side)), int(max(0, box[1] - side))
    x2, y2 = int(min(width, box[2] + side + 1)), int(min(height, box[3] + side + 1))
    return image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]


def _order(each: tuple[str, int, int | None, float]) -> tuple[str, int]:
    return each[0], each[1]


def _near(frames: list[Wanted]) -> Iterator[list[Wanted]]:
    """Yield runs of frames that lie near one another."""
    run = [frames[0]]
    for frame in frames[1:]:
        if frame.time_s - run[-1].time_s > NEAR_S:
            yield run
            run = []
        run.append(frame)
    yield run
