"""One reader a format; each returns a `Dataset`."""

from drivemeta.data.readers.auto import read_annotations
from drivemeta.data.readers.coco import read_coco
from drivemeta.data.readers.crops import read_crops
from drivemeta.data.readers.cvat import read_cvat
from drivemeta.data.readers.labelme import read_labelme
from drivemeta.data.readers.voc import read_voc
from drivemeta.data.readers.yolo import read_yolo

__all__ = [
    "read_annotations",
    "read_coco",
    "read_crops",
    "read_cvat",
    "read_labelme",
    "read_voc",
    "read_yolo",
]
