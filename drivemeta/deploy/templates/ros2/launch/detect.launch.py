"""ros2 launch drivemeta_detector detect.launch.py image_topic:=/camera/image_raw."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

PACKAGE = "drivemeta_detector"
ARGUMENTS = {  # each a parameter of the node: value by default, type, meaning
    "model": ("", str, "model to run; the one in this package if empty"),
    "image_topic": ("image", str, "images to detect in"),
    "detections_topic": ("detections", str, "where to publish"),
    "compressed": ("false", bool, "whether the images are CompressedImage"),
    "provider": ("auto", str, "auto, tensorrt, cuda or cpu"),
    "threads": ("0", int, "threads of the processor; 0 for what suits"),
    "threshold": ("-1.0", float, "least score of all classes; below 0 each class's own"),
    "bank": ("", str, "model whose classes to detect; those of the model if empty"),
}


def generate_launch_description():
    """Return the node, with each of its parameters as an argument."""
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=meaning)
        for name, (value, _, meaning) in ARGUMENTS.items()
    ]
    values = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, (_, kind, _) in ARGUMENTS.items()
    }
    node = Node(package=PACKAGE, executable="detector", parameters=[values], output="screen")
    return LaunchDescription([*declared, node])
