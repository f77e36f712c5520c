"""For the Rerun viewer: pictures, with boxes, classes and identities over them."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import rerun as rr

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins.sink.jpeg import encoded_jpeg
from drivemeta.plugins.sink.privacy import Privacy
from drivemeta.plugins.sink.whole_file import WholeFile

FLUSH_EVERY = 30  # frames that wait in memory at most
TIMEOUT_S = 60.0
LOOK_S = 5.0  # that a viewer may take to answer at the start


class Rerun:
    """Writes `drive.rrd` with the entities `camera` and `camera/objects`, or shows them live.

    Its timelines are `frame` and `time`. Two recordings of one run are alike in content, not in
    bytes: Rerun gives each row an identity of its own. After a kill the recording is made again. A
    viewer that is closed does not end the run: it is told at its end.

    Args:
        context: Context of the run, whose folder is written into.
        name: Name of the file.
        quality: Quality of the JPEGs, 1 to 100.
        blur: What is made unrecognisable; see `drivemeta.plugins.sink.privacy`.
        address: Address of a viewer that is open, `HOST:PORT`, such as `localhost:9876`; it is sent
            to in place of a file. None for the file.

    Raises:
        InputError: the address is none.
    """

    def __init__(
        self,
        context: RunContext,
        name: str = "drive.rrd",
        quality: int = 85,
        blur: str = "",
        address: str | None = None,
    ) -> None:
        self._target, self._quality = WholeFile(context.folder / name), quality
        self._privacy, self._tell = Privacy(blur), context.tell
        self._address = None if address is None else _host_and_port(address)
        self._next, self._is_lost = 0, False
        self._recording: Any = None
        self._classes: tuple[str, ...] = ()

    def open(self, info: StreamInfo, resume_at: int) -> None:
        """Begin anew."""
        self._next, self._is_lost = resume_at, False
        recording = rr.RecordingStream("drivemeta", recording_id=info.name, send_properties=False)
        recording.set_log_time_enabled(False)
        recording.set_log_tick_enabled(False)
        if self._address is None:
            self._target.begin()
            recording.save(self._target.part)
        else:
            recording.connect_grpc(_url(*self._address))
        self._recording, self._classes = recording, ()

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add the picture and its objects."""
        self._next = frame.index + 1
        if self._is_lost:
            return
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
        """Return 0, as an unfinished recording is made again; the next frame for a viewer."""
        return 0 if self._address is None else self._next

    def close(self) -> list[Path]:
        """Write or send what is left, and give the file its final name."""
        is_open = self._recording is not None
        if is_open:
            self._flush()
            self._recording.disconnect()
            self._recording = None
        if self._address is not None:
            return []
        if is_open:
            self._target.finish()
        return [self._target.path]

    def abort(self) -> None:
        """Throw the recording away."""
        if self._recording is not None:
            self._recording.disconnect()
            if self._address is None:
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
        if self._is_lost:
            return
        try:
            self._recording.flush(timeout_sec=TIMEOUT_S)
        except (RuntimeError, TimeoutError) as error:
            if self._address is None:
                raise self._target.error(error) from error
            self._is_lost = True
            first, place = max(0, self._next - FLUSH_EVERY), ":".join(map(str, self._address))
            self._tell(
                f"rerun: the viewer at {place} went away; it saw nothing from about frame {first} "
                f"on ({error})"
            )


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InputError(f"rerun address: expected HOST:PORT, found {address!r}")
    return host, int(port)


def _url(host: str, port: int) -> str:
    """Return the address of a viewer that answers; Rerun itself would wait for one in silence.

    Raises:
        OutputError: none does.
    """
    try:
        socket.create_connection((host.strip("[]"), port), LOOK_S).close()
    except OSError as error:
        raise OutputError(
            f"cannot reach a Rerun viewer at {host}:{port}: {error}; open one by `rerun`"
        ) from error
    return f"rerun+http://{host}:{port}/proxy"
