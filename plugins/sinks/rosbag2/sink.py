"""A recording of ROS 2: detections as `vision_msgs`, and what else the source recorded."""

from __future__ import annotations

import importlib
from pathlib import Path

from drivemeta.core import Frame, Tracks
from drivemeta.core.bag_folder import is_of_rosbags, recording_files
from drivemeta.core.frame import Message
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.errors import InputError, PluginError
from drivemeta.plugins.sink.jpeg import encoded_jpeg
from drivemeta.plugins.sink.mcap_sink import McapSink
from drivemeta.plugins.sink.privacy import Privacy
from drivemeta.plugins.sink.recorded import CopiedRecording, RecordingCopy, mcap_recording
from drivemeta.plugins.sink.vision_messages import (
    DETECTIONS,
    LABELS,
    PICTURE,
    ClassId,
    Stamp,
    VisionMessages,
)


class Rosbag2(McapSink):
    """Writes `ros2.mcap`, for `ros2 bag play -s mcap` and Foxglove.

    `/detections` are `vision_msgs/Detection2DArray`, one a frame, with the stamp and frame id of
    the source's message where it is a recording, else with the time since the first frame.
    `/detections/labels` (`LabelInfo`) has the number of each class, again where they change. After
    a kill the recording is made again.

    Args:
        context: Context of the run, whose folder is written into.
        name: Name of the file.
        topic: Topic of the detections.
        class_id: What stands in `class_id`: `name` of the class, or its `number`.
        images: Whether frames are written as `/detections/image` (`CompressedImage`), too.
        quality: Quality of the JPEGs, 1 to 100.
        blur: What is made unrecognisable in them; see `drivemeta.plugins.sink.privacy`.
        copy: Whether all that the source recorded is copied, so that the recording comes out with
            detections added; the whole of it, whatever part was looked at.

    Raises:
        InputError: `copy` where the source is no recording of ROS 2, or with `blur`.
    """

    def __init__(
        self,
        context: RunContext,
        name: str = "ros2.mcap",
        topic: str = "/detections",
        class_id: ClassId = "name",
        images: bool = False,
        quality: int = 85,
        blur: str = "",
        copy: bool = False,
    ) -> None:
        super().__init__(context.folder / name, "ros2")
        self._topic = topic
        self._class_id: ClassId = class_id
        self._images, self._quality, self._privacy = images, quality, Privacy(blur)
        self._copied = _copied(context, blur) if copy else None
        self._tell = context.tell
        self._copy: RecordingCopy | None = None
        self._channels: dict[str, int] = {}
        self._classes: tuple[str, ...] = ()

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin anew."""
        self.begin()
        self._messages = VisionMessages()
        topics = {self._topic: DETECTIONS, f"{self._topic}/labels": LABELS}
        if self._images:
            topics[f"{self._topic}/image"] = PICTURE
        self._channels = {kind: self._channel(topic, kind) for topic, kind in topics.items()}
        self._classes = ()
        if self._copied is not None:
            self._copy = RecordingCopy(_recording(self._copied), self._writer, list(topics))

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Add the detections of one frame, after what was recorded before it."""
        time_ns = round(frame.time_s * 1e9)
        said = frame.message or Message("", time_ns, "", time_ns)
        stamp, found, made = Stamp(said.stamp_ns, said.frame_id), tracks.detections, self._messages
        messages = {}
        if found.classes != self._classes:
            messages[LABELS], self._classes = made.labels(stamp, found.classes), found.classes
        if self._images:
            image = self._privacy.hidden(frame.image, found)
            messages[PICTURE] = made.picture(stamp, encoded_jpeg(image, self._quality))
        messages[DETECTIONS] = made.detections(stamp, tracks, self._class_id)
        if self._copy is not None:
            with self.writing():
                self._copy.up_to(said.logged_ns)
        for kind, data in messages.items():
            self.add(self._channels[kind], data, said.logged_ns, frame.index)

    def close(self) -> list[Path]:
        """Copy what was recorded after the last frame, write the index, give the final name."""
        copy, self._copy = self._copy, None
        if copy is not None:
            with self.writing():
                copy.rest()
        written = super().close()
        for note in copy.notes() if copy is not None else ():
            self._tell(f"rosbag2: {note}")
        return written

    def _channel(self, topic: str, kind: str) -> int:
        definition, told = self._messages.definition(kind), self._messages.type_hash(kind)
        schema = self._writer.register_schema(kind, "ros2msg", definition)
        number: int = self._writer.register_channel(topic, "cdr", schema, {"topic_type_hash": told})
        return number


def _copied(context: RunContext, blur: str) -> Path:
    """Return the path of the recording to copy.

    Raises:
        InputError: it cannot be copied.
    """
    if context.source != "bag":
        raise InputError(
            f"rosbag2.copy: expected a recording of ROS 2 as the source, found {context.source!r}"
        )
    if blur:
        raise InputError("rosbag2.copy: pictures are copied as they are: leave out rosbag2.blur")
    path = Path(context.place)
    if any(file.suffix.lower() == ".bag" for file in recording_files(path)):
        raise InputError(
            "rosbag2.copy: a bag of ROS 1 cannot be copied into one of ROS 2: convert it first, by "
            f"rosbags-convert --src {path.name} --dst {path.stem}"
        )
    return path


def _recording(path: Path) -> CopiedRecording:
    files = recording_files(path)
    if not is_of_rosbags(files):
        return mcap_recording(files)
    try:
        reader = importlib.import_module("drivemeta.plugins.sink.recorded_by_rosbags")
    except ImportError as error:
        raise PluginError(
            f"rosbag2.copy: a bag in SQLite needs: pip install 'drivemeta[ros]' ({error})"
        ) from error
    recording: CopiedRecording = reader.rosbags_recording(path)
    return recording
