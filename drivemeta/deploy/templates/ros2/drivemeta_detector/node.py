"""The node: a thin shell of rclpy round `detector` and `images`."""

import threading
from pathlib import Path

import rclpy
from ament_index_python.packages import get_package_share_directory
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesisWithPose,
    VisionClass,
)

from drivemeta_detector.bank_file import BankError
from drivemeta_detector.detector import Health, Newest, RunningModel
from drivemeta_detector.images import ImageError, to_frame

PACKAGE = "drivemeta_detector"
NEWEST_IMAGE = QoSProfile(  # sensor data, of which only the newest counts
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)
LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
AT_START = {
    "model": "",  # the one in this package
    "image_topic": "image",
    "detections_topic": "detections",
    "compressed": False,
    "provider": "auto",
    "threads": 0,
}
WHILE_IT_RUNS = {"threshold": -1.0, "bank": ""}  # below 0: each class's own


class DetectorNode(Node):
    """Detects in the images of a topic."""

    def __init__(self, **options):
        super().__init__("detector", **options)
        for name, value in {**AT_START, **WHILE_IT_RUNS}.items():
            self.declare_parameter(name, value)
        given = {name: self.get_parameter(name).value for name in {**AT_START, **WHILE_IT_RUNS}}
        share = given["model"] or Path(get_package_share_directory(PACKAGE)) / "models/model.onnx"
        self._detector = RunningModel(share, given["provider"], threads=given["threads"])
        self._apply(given)
        self._newest, self._health = Newest(), Health()
        topic = given["detections_topic"]
        self._out = self.create_publisher(Detection2DArray, topic, 10)
        self._labels = self.create_publisher(LabelInfo, f"{topic}/labels", LATCHED)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._labelled = None
        self.add_on_set_parameters_callback(self._on_parameters)
        kind = CompressedImage if given["compressed"] else Image
        self.create_subscription(kind, given["image_topic"], self._newest.put, NEWEST_IMAGE)
        self.create_timer(1.0, self._tell)
        self._worker = threading.Thread(target=self._work, name="detect", daemon=True)
        self._worker.start()
        self.get_logger().info(
            f"{len(self._detector.names)} classes on {self._detector.provider}, images from "
            f"{self.resolve_topic_name(given['image_topic'])}"
        )

    def destroy_node(self):
        self._newest.close()
        self._worker.join()
        super().destroy_node()

    def _work(self):
        """Detect in the newest image, one after the other, while ROS goes on in its own thread."""
        while (message := self._newest.take()) is not None:
            try:
                found = self._detector(to_frame(message))
            except ImageError as problem:
                self._health.problem(str(problem))
                continue
            except Exception as error:  # a thread that ends unseen would look like no traffic
                self._health.problem(f"the model failed: {error}")
                continue
            if found.names is not self._labelled:
                self._labels.publish(label_info(message.header, found.names))
                self._labelled = found.names
            self._out.publish(detection_array(message.header, found))
            self._health.frame()

    def _on_parameters(self, parameters):
        """Take other values of `threshold` and `bank`; refuse what counts at the start only."""
        changed = {parameter.name: parameter.value for parameter in parameters}
        fixed = sorted(set(changed) & set(AT_START))
        if fixed:
            reason = f"{', '.join(fixed)} can be set at the start only"
            return SetParametersResult(successful=False, reason=reason)
        try:
            self._apply(changed)
        except BankError as problem:
            return SetParametersResult(successful=False, reason=str(problem))
        return SetParametersResult(successful=True)

    def _apply(self, given):
        if "bank" in given:
            self._detector.set_bank(given["bank"])
        if "threshold" in given:
            value = given["threshold"]
            self._detector.set_threshold(None if value < 0 else value)

    def _tell(self):
        """Publish how the node is."""
        health, problem = self._health, self._health.recent_problem()
        status = DiagnosticStatus(
            level=DiagnosticStatus.WARN if problem else DiagnosticStatus.OK,
            name=f"{self.get_name()}: detection",
            hardware_id=self._detector.provider,
            message=problem or "runs",
        )
        for key, value in {
            "provider": self._detector.provider,
            "frames a second": f"{health.fps():.1f}",
            "frames": health.n_frames,
            "dropped": self._newest.n_dropped,
            "not read": health.n_problems,
            "classes": len(self._detector.names),
        }.items():
            status.values.append(KeyValue(key=key, value=str(value)))
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def detection_array(header, found):
    """Return the message of what was found, with the header of the image as it came."""
    message = Detection2DArray(header=header)
    rows = zip(found.boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True)
    for (x1, y1, x2, y2), score, label in rows:
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = found.names[label], score
        detection = Detection2D(header=header, results=[result])
        centre = detection.bbox.center.position
        centre.x, centre.y = (x1 + x2) / 2, (y1 + y2) / 2
        detection.bbox.size_x, detection.bbox.size_y = x2 - x1, y2 - y1
        message.detections.append(detection)
    return message


def label_info(header, names):
    """Return the message that gives the number of each class."""
    told = [VisionClass(class_id=number, class_name=name) for number, name in enumerate(names)]
    return LabelInfo(header=header, class_map=told)


def main():
    """Run the node until it is told to stop."""
    rclpy.init()
    node = DetectorNode()
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
