"""A recording for the Rerun viewer: pictures, with boxes, classes and identities over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rerun as rr

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import OutputError
from drivemeta.plugins.sink.jpeg import encoded_jpeg
from drivemeta.plugins.sink.privacy import Privacy
from drivemeta.plugins.sink.whole_file import WholeFile

FLUSH_EVERY = 30  # frames that wait in memory at most
TIMEOUT_S = 60.0


class Rerun:
    """Writes `drive.rrd` with the entities `camera` and `camera/objects`.

    Its timelines are `frame` and `time`. Two recordings of one run are alike in content, not in
    bytes: Rerun gives each row an identity of its own. After a kill the recording is made again.

    Args:
        context: Context of the run, whose folder is written into.
        name: Name of the file.
        quality: Quality of the JPEGs, 1 to 100.
        blur: What is made unrecognisable; see `drivemeta.plugins.sink.privacy`.
    """

    def __init__(
        self, context: RunContext, name: str = "drive.rrd", quality: int = 85, blur: str = ""
    ) -> None:
        self._target, self._quality = WholeFile(context.folder / name), quality
        self._privacy = Privacy(blur)
        self._recording: Any = None
        self._classes: tuple[str, ...] = ()

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin anew."""
        self._target.begin()
        recording = rr.RecordingStream("drivemeta", recording_id=info.name, send_properties=False)
        recording.set_log_time_enabled(False)
        recording.set_log_tick_enabled(False)
        recording.save(self._target.part)
        self._recording, self._classes = recording, ()

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add the picture and its objects."""
        if self._recording is None:
            raise OutputError(f"{self._target.path} is not open")
        found = tracks.detections
        jpeg = encoded_jpeg(self._privacy.hidden(frame.image, found), self._quality)
        captions = [
            f"{name} {score:.2f}" + (f" #{track}" if track != UNTRACKED else "")
            for name, score, track in zip(found.names, found.scores, tracks.ids, strict=True)
        ]
        boxes = rr.Boxes2D(
            array=found.boxes,
            array_format=rr.Box2DFormat.XYXY,
            labels=captions,
            class_ids=found.labels.astype("uint16"),
        )
        self._recording.set_time("frame", sequence=frame.index)
        self._recording.set_time("time", duration=frame.time_s)
        self._name_classes(found.classes)
        self._recording.log("camera", rr.EncodedImage(contents=jpeg, media_type="image/jpeg"))
        self._recording.log("camera/objects", boxes)
        if frame.index % FLUSH_EVERY == FLUSH_EVERY - 1:
            self._flush()

    def commit(self) -> int:
        """Return 0: an unfinished recording is made again."""
        return 0

    def close(self) -> list[Path]:
        """Write what is left and give the file its final name."""
        if self._recording is not None:
            self._flush()
            self._recording.disconnect()
            self._recording = None
            self._target.finish()
        return [self._target.path]

    def abort(self) -> None:
        """Throw the recording away."""
        if self._recording is not None:
            self._recording.disconnect()
            self._target.discard()
        self._recording = None

    def _name_classes(self, classes: tuple[str, ...]) -> None:
        """Tell what the numbers of classes mean from this frame on, if that has changed."""
        if classes and classes != self._classes:
            names = list(enumerate(classes))
            self._recording.log("camera", rr.AnnotationContext(names))
            self._classes = classes

    def _flush(self) -> None:
        """Wait for Rerun's own thread, which writes, and hear whether it could."""
        try:
            self._recording.flush(timeout_sec=TIMEOUT_S)
        except (RuntimeError, TimeoutError) as error:
            raise self._target.error(error) from error
