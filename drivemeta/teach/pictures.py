"""The pictures of a project: its annotated frames, and what was rejected in others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drivemeta.teach.footage import Footage
from drivemeta.teach.learning import Lesson
from drivemeta.teach.state import State
from drivemeta.teach.teaching import (
    RejectedFrame,
    negative_of,
    rejected_by_frame,
    support_of,
    write_picture,
)


class FramePictures:
    """Picture files that are written when they are needed.

    Args:
        folder: Folder of the project.
        footage: Clips that the frames are of.
    """

    def __init__(self, folder: Path, footage: Footage) -> None:
        self._folder, self._footage = folder, footage

    def facts(self, clip: str, frame: int) -> dict[str, Any]:
        """Return what the annotation file says of a frame."""
        height, width = self._footage.clip(clip, frame).size(frame)
        return {"file_name": f"frames/{clip}_{frame:06d}.png", "height": height, "width": width}

    def of(self, clip: str, frame: int) -> Path:
        """Return the picture of a frame, which is written if it is not there."""
        path: Path = self._folder / self.facts(clip, frame)["file_name"]
        if not path.is_file():
            write_picture(path, self._footage.clip(clip, frame).frame(frame))
        return path

    def lesson(self, state: State) -> Lesson:
        """Return what there is to learn in a state, with the pictures that it takes."""
        places = {(box.clip, box.frame) for box in state.boxes}
        support = support_of(state, {place: self.of(*place) for place in places})
        return support, [self._negative(no) for no in rejected_by_frame(state)]

    def _negative(self, no: RejectedFrame) -> Path:
        path = self._folder / "negatives" / no.file_name
        if not path.is_file():
            image = self._footage.clip(no.clip, no.frame).frame(no.frame)
            write_picture(path, negative_of(image, no))
        return path
