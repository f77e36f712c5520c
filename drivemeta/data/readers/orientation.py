"""Boxes of pictures that EXIF turns: of the upright picture, or of the pixels as stored."""

from __future__ import annotations

from dataclasses import replace

from drivemeta.core.pictures import PictureHeader, set_upright
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.readers.coco import OWN_FORMAT
from drivemeta.data.readers.crops import CROP
from drivemeta.data.readers.files import header_of
from drivemeta.data.readers.reading import Reading
from drivemeta.errors import AnnotationError

# These show a picture upright before anything can be drawn on it.
_UPRIGHT_FORMATS = ("LabelMe", "CVAT", "crops", OWN_FORMAT)
_HINT = (
    "Say --read exif=upright if the boxes were drawn on the picture as viewers show it, or "
    "--read exif=stored if they are of the pixels as stored"
)


def upright(dataset: Dataset, reading: Reading) -> Dataset:
    """Return the data set with sizes and boxes of the upright pictures.

    Raises:
        AnnotationError: EXIF turns a picture with boxes, and neither the size that is annotated,
            nor the format, nor the reading tells what they refer to.
    """
    images = tuple(_upright(image, dataset, reading) for image in dataset.images)
    return replace(dataset, images=images)


def _upright(image: AnnotatedImage, dataset: Dataset, reading: Reading) -> AnnotatedImage:
    header = header_of(image.path)
    if header.orientation == 1:
        return image
    if image.attributes.get(CROP):
        return image  # its box is all of it, however it stands
    if not len(image) and image.size == header.stored_size:
        return replace(image, size=header.size)
    if reading.exif == "upright":
        return replace(image, size=header.size)
    if reading.exif == "stored":
        return replace(image, size=header.size, boxes=set_upright(image.boxes, header))
    if _is_told(image, dataset, header):
        return image
    stated = f"{image.size[1]}x{image.size[0]} pixels" if image.size_is_stated else "without a size"
    height, width = header.size
    raise AnnotationError(
        f"{dataset.source}: {image.path.name} is annotated {stated}; its EXIF says that it is "
        f"stored {header.how} ({header.stored_size[1]}x{header.stored_size[0]} as stored, "
        f"{width}x{height} upright), and nothing tells which of the two the boxes refer to. {_HINT}"
    )


def _is_told(image: AnnotatedImage, dataset: Dataset, header: PictureHeader) -> bool:
    """Tell whether the boxes are known to be of the upright picture, or the size fits neither."""
    if not len(image) or image.size not in (header.size, header.stored_size):
        return True  # the check of the pixels says so
    if image.size_is_stated and header.is_quarter_turn and header.size != header.stored_size:
        return image.size == header.size
    return dataset.format.startswith(_UPRIGHT_FORMATS)
