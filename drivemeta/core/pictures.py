"""Pictures in files: their size and their pixels, upright as EXIF says, whatever the format."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drivemeta.core.boxes import FloatArray
from drivemeta.core.file_memory import remembered

_WIDTH, _HEIGHT, ORIENTATION = 256, 257, 274
_QUARTER_TURNS = (5, 6, 7, 8)
_HOW = {
    1: "upright",
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored and turned by 90 degrees",
    6: "turned by 90 degrees",
    7: "mirrored and turned by 270 degrees",
    8: "turned by 270 degrees",
}
# What Pillow raises of a file that is damaged or no picture.
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    ArithmeticError,
    struct.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class PictureHeader:
    """What the header of a picture says.

    Attributes:
        stored_size: Height and width in pixels as stored.
        orientation: That of EXIF, 1 (upright) to 8.
    """

    stored_size: tuple[int, int]
    orientation: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels of the upright picture."""
        height, width = self.stored_size
        return (width, height) if self.is_quarter_turn else (height, width)

    @property
    def is_quarter_turn(self) -> bool:
        """Whether height and width change places when the picture is set upright."""
        return self.orientation in _QUARTER_TURNS

    @property
    def how(self) -> str:
        """The orientation in words."""
        return _HOW[self.orientation]


def read_header(path: str | Path) -> PictureHeader:
    """Return what a picture's header says.

    Raises:
        ValueError: The file is absent or no picture.
    """
    return _header(Path(path))


@remembered(at_most=65536)
def _header(path: Path) -> PictureHeader:
    """Read a header; of a PNG, Pillow decodes the pixels, as its EXIF may stand behind them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a large or oddly tagged picture is no fault
            with Image.open(path) as image:
                forget_xmp(image)
                turn = image.getexif().get(ORIENTATION, 1)
                width, height = image.size
                if image.format == "TIFF":  # Pillow gives the size of a TIFF as turned already
                    tags = image.tag_v2  # type: ignore[attr-defined]
                    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    except UNREADABLE as error:
        raise ValueError(str(error)) from error
    return PictureHeader((height, width), turn if turn in _HOW else 1)


def forget_xmp(image: Image.Image) -> None:
    """Drop an open picture's XMP: Pillow would be turned by it where EXIF is silent, OpenCV not."""
    if image.format == "PNG" and "exif" not in image.info:
        image.load()  # it may stand behind the pixels
    for key in ("xmp", "XML:com.adobe.xmp"):
        image.info.pop(key, None)


def read_picture(path: str | Path) -> NDArray[np.uint8] | None:
    """Return a (height, width, 3) uint8 BGR picture, upright; None if it cannot be decoded."""
    if Path(path).suffix.lower() in {".tif", ".tiff"} and _is_turned(path):
        return _read_with_pillow(path)  # OpenCV 5 cannot read a turned TIFF
    import cv2

    try:
        data = np.fromfile(path, np.uint8)  # OpenCV opens no file of any name, and may crash
    except OSError:
        return None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    return None if image is None else np.asarray(image, np.uint8)


def set_upright(boxes: FloatArray, header: PictureHeader) -> FloatArray:
    """Return (n, 4) xyxy boxes of the stored pixels as boxes of the upright picture.

    >>> set_upright(np.array([[1, 2, 3, 5]], np.float32), PictureHeader((10, 20), 6)).tolist()
    [[5.0, 1.0, 8.0, 3.0]]
    """
    height, width = header.stored_size
    x, y = boxes[:, 0::2], boxes[:, 1::2]
    right, down = width - x, height - y
    xs, ys = {
        1: (x, y),
        2: (right, y),
        3: (right, down),
        4: (x, down),
        5: (y, x),
        6: (down, x),
        7: (down, right),
        8: (y, right),
    }[header.orientation]
    turned = [xs.min(1), ys.min(1), xs.max(1), ys.max(1)]
    return np.stack(turned, 1).astype(np.float32).reshape(-1, 4)


def _is_turned(path: str | Path) -> bool:
    try:
        return read_header(path).orientation != 1
    except ValueError:
        return False


def _read_with_pillow(path: str | Path) -> NDArray[np.uint8] | None:
    """Decode a TIFF, which Pillow sets upright itself."""
    try:
        # By its content: Pillow maps files by name, and a grey turned TIFF wrongly.
        with Path(path).open("rb") as file, Image.open(file) as image:
            image.load()
            pixels = np.asarray(image if image.mode.startswith("I;16") else image.convert("RGB"))
    except UNREADABLE:
        return None
    if pixels.ndim == 2:  # of 16 bits: the upper eight, as OpenCV takes them
        pixels = np.repeat((pixels >> 8)[..., None], 3, 2)
    return np.ascontiguousarray(pixels[..., ::-1], np.uint8)
