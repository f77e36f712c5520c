"""Detection by a model of DriveMeta, as a node of ROS 2."""
