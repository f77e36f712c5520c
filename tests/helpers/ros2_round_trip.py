"""A real publisher and subscriber round the node: run by an interpreter that has rclpy.

python ros2_round_trip.py PACKAGE_FOLDER FRAME.npy OTHER_MODEL: publishes the frame as `Image` and
prints one JSON object with what came back, before and after the bank of another model was set.
"""

import json
import sys
import threading
import time
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.executors import MultiThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo

STAMP = (1_700_000_000, 123_456_789)
WAIT_S = 60.0


def image_of(frame):
    """Return a frame as a message."""
    message = Image(height=frame.shape[0], width=frame.shape[1], encoding="bgr8")
    message.step, message.data = 3 * frame.shape[1], frame.tobytes()
    message.header.stamp.sec, message.header.stamp.nanosec = STAMP
    message.header.frame_id = "camera_front"
    return message


def values_of(message):
    """Return a `Detection2DArray` as values of JSON."""
    rows = []
    for found in message.detections:
        (result,) = found.results
        centre, size = found.bbox.center.position, (found.bbox.size_x, found.bbox.size_y)
        rows.append(
            {
                "name": result.hypothesis.class_id,
                "score": result.hypothesis.score,
                "box": [
                    centre.x - size[0] / 2,
                    centre.y - size[1] / 2,
                    centre.x + size[0] / 2,
                    centre.y + size[1] / 2,
                ],
            }
        )
    head = message.header
    return {"stamp": [head.stamp.sec, head.stamp.nanosec], "frame_id": head.frame_id, "rows": rows}


def main():
    """Run the node beside a publisher and subscribers, in one process."""
    folder, frame_path, other = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    sys.path.insert(0, str(folder))
    rclpy.init()
    module = __import__(f"{folder.name}.node", fromlist=["DetectorNode"])
    share = [Parameter("model", value=str(folder / "models" / "model.onnx"))]
    node = module.DetectorNode(parameter_overrides=share)
    outside = rclpy.create_node("outside")
    seen, labels, told = [], [], []
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    outside.create_subscription(Detection2DArray, "detections", seen.append, 10)
    outside.create_subscription(LabelInfo, "detections/labels", labels.append, latched)
    outside.create_subscription(DiagnosticArray, "/diagnostics", told.append, 10)
    out = outside.create_publisher(Image, "image", qos_profile_sensor_data)
    setting = outside.create_client(SetParameters, "/detector/set_parameters")
    executor = MultiThreadedExecutor(2)
    for each in (node, outside):
        executor.add_node(each)
    spinning = threading.Thread(target=executor.spin, daemon=True)
    spinning.start()
    image, found = image_of(np.load(frame_path)), {}

    def next_detections():
        n, end = len(seen), time.monotonic() + WAIT_S
        while len(seen) == n and time.monotonic() < end:
            out.publish(image)
            time.sleep(0.2)
        return values_of(seen[-1])

    def set_parameter(**values):
        asked = SetParameters.Request()
        asked.parameters = [Parameter(k, value=v).to_parameter_msg() for k, v in values.items()]
        answer, end = setting.call_async(asked), time.monotonic() + WAIT_S
        while not answer.done() and time.monotonic() < end:
            time.sleep(0.05)
        (result,) = answer.result().results
        return [result.successful, result.reason]

    found["before"] = next_detections()
    found["refused"] = set_parameter(bank=str(frame_path))
    found["fixed"] = set_parameter(image_topic="other")
    found["set"] = set_parameter(bank=other)
    next_detections()  # one may have been under way
    found["after"] = next_detections()
    found["threshold"] = set_parameter(threshold=0.999)
    next_detections()
    found["above"] = next_detections()
    end = time.monotonic() + WAIT_S
    while len(told) < 2 and time.monotonic() < end:
        time.sleep(0.1)
    (status,) = told[-1].status
    found["diagnostics"] = {pair.key: pair.value for pair in status.values}
    found["labels"] = [[each.class_name for each in info.class_map] for info in labels]
    executor.shutdown()
    node.destroy_node()
    outside.destroy_node()
    rclpy.try_shutdown()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
