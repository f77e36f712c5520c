"""Results as messages of ROS 2: `vision_msgs` 4, and `CompressedImage` of `sensor_msgs`.

The fields are those of vision_msgs 4.1.1 (github.com/ros-perception/vision_msgs, branch `ros2`),
which Humble and all later distributions have; `rosbags`, which writes the bytes, brings the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from drivemeta.core import UNTRACKED, Tracks

DETECTIONS = "vision_msgs/msg/Detection2DArray"
LABELS = "vision_msgs/msg/LabelInfo"
PICTURE = "sensor_msgs/msg/CompressedImage"
ClassId = Literal["name", "number"]
_FIELDS = {
    "Point2D": "float64 x\nfloat64 y",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": (
        "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose"
    ),
    "Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox2D bbox\nstring id"
    ),
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections",
    "VisionClass": "uint16 class_id\nstring class_name",
    "LabelInfo": ("std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold"),
}


class Stamp(NamedTuple):
    """Header of a message: nanoseconds, and the coordinate frame."""

    time_ns: int
    frame_id: str


class VisionMessages:
    """Builds messages and gives their bytes (CDR), definitions and hashes."""

    def __init__(self) -> None:
        self._store = get_typestore(Stores.ROS2_HUMBLE)
        types: dict[str, Any] = {}
        for name, fields in _FIELDS.items():
            types |= get_types_from_msg(fields, f"vision_msgs/msg/{name}")
        self._store.register(types)

    def definition(self, kind: str) -> bytes:
        """Return the definition of a type and of all that it holds, as `ros2msg`."""
        text: str = self._store.generate_msgdef(kind, ros_version=2)[0]
        return text.encode()

    def type_hash(self, kind: str) -> str:
        """Return the hash by which ROS 2 tells versions of a type apart (REP 2011)."""
        return str(self._store.hash_rihs01(kind))

    def detections(self, stamp: Stamp, tracks: Tracks, class_id: ClassId) -> bytes:
        """Return a `Detection2DArray`, boxes in pixels of the frame.

        Args:
            stamp: Header of the frame.
            tracks: Tracks of the frame; `id` is empty for those without a number.
            class_id: What stands in `class_id`: the name of the class, or its number.
        """
        found, new, header = tracks.detections, self._new, self._header(stamp)
        sides, centres = found.boxes[:, 2:] - found.boxes[:, :2], found.boxes.reshape(-1, 2, 2)
        said = found.names if class_id == "name" else found.labels
        rows = []
        for track, name, score, (x, y), (width, height) in zip(
            tracks.ids,
            said,
            found.scores.tolist(),
            centres.mean(1).tolist(),
            sides.tolist(),
            strict=True,
        ):
            hypothesis = new("ObjectHypothesis", class_id=str(name), score=score)
            result = new("ObjectHypothesisWithPose", hypothesis=hypothesis, pose=self._no_pose())
            centre = new("Pose2D", position=new("Point2D", x=x, y=y), theta=0.0)
            box = new("BoundingBox2D", center=centre, size_x=width, size_y=height)
            number = "" if track == UNTRACKED else str(track)
            rows.append(new("Detection2D", header=header, results=[result], bbox=box, id=number))
        return self._bytes(new("Detection2DArray", header=header, detections=rows), DETECTIONS)

    def labels(self, stamp: Stamp, classes: Iterable[str]) -> bytes:
        """Return a `LabelInfo`: the name of each class by its number. Its threshold is not set."""
        named = [
            self._new("VisionClass", class_id=number, class_name=name)
            for number, name in enumerate(classes)
        ]
        told = self._new("LabelInfo", header=self._header(stamp), class_map=named, threshold=0.0)
        return self._bytes(told, LABELS)

    def picture(self, stamp: Stamp, jpeg: bytes) -> bytes:
        """Return a `CompressedImage` of a JPEG."""
        make, data = self._store.types[PICTURE], np.frombuffer(jpeg, np.uint8)
        return self._bytes(make(header=self._header(stamp), format="jpeg", data=data), PICTURE)

    def _header(self, stamp: Stamp) -> Any:
        seconds, rest = divmod(stamp.time_ns, 10**9)
        types = self._store.types
        time = types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=rest)
        return types["std_msgs/msg/Header"](stamp=time, frame_id=stamp.frame_id)

    def _no_pose(self) -> Any:
        """Return the pose that ROS gives where none is set: at the origin, not turned."""
        types = self._store.types
        pose = types["geometry_msgs/msg/Pose"](
            position=types["geometry_msgs/msg/Point"](x=0.0, y=0.0, z=0.0),
            orientation=types["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0),
        )
        return types["geometry_msgs/msg/PoseWithCovariance"](pose=pose, covariance=np.zeros(36))

    def _new(self, name: str, **fields: Any) -> Any:
        return self._store.types[f"vision_msgs/msg/{name}"](**fields)

    def _bytes(self, message: Any, kind: str) -> bytes:
        return bytes(self._store.serialize_cdr(message, kind))
