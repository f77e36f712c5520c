"""What level 1 tells apart, in the order of its labels."""

from __future__ import annotations

SUPER_CLASSES = ("vehicle", "pedestrian", "cyclist", "traffic_light", "traffic_sign")
