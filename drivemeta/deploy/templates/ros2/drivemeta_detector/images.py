"""Messages of `sensor_msgs` as frames: uint8 BGR arrays, as the model wants them.

Raw images need numpy alone, compressed ones Pillow as well.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

CHANNELS = {"bgr8": 3, "rgb8": 3, "bgra8": 4, "rgba8": 4, "mono8": 1, "8UC1": 1, "8UC3": 3}
# Places of Y, U and V among the four bytes of two pixels; ROS calls UYVY `yuv422`.
YUV = {"yuv422": (1, 0, 2), "uyvy": (1, 0, 2), "yuv422_yuy2": (0, 1, 3), "yuyv": (0, 1, 3)}


class ImageError(ValueError):
    """What is wrong with a message, for the diagnostics."""


def to_frame(message: Any) -> Pixels:
    """Return an `Image` or a `CompressedImage` as (height, width, 3) uint8 BGR."""
    if hasattr(message, "encoding"):
        return _raw(message)
    return _compressed(message)


def _raw(message: Any) -> Pixels:
    height, width, step = int(message.height), int(message.width), int(message.step)
    encoding = message.encoding
    n_bytes = 2 if encoding in YUV else CHANNELS.get(encoding)
    if n_bytes is None:
        known = ", ".join([*CHANNELS, *YUV])
        raise ImageError(f"expected an image as {known}, found {encoding!r}")
    data = np.frombuffer(message.data, np.uint8)
    if min(height, width) < 1 or step < width * n_bytes or len(data) < height * step:
        raise ImageError(
            f"expected {height} rows of {step} bytes for {width} pixels of {encoding}, found "
            f"{len(data)} bytes in all"
        )
    rows = data[: height * step].reshape(height, step)[:, : width * n_bytes]
    if encoding in YUV:
        return _from_yuv(rows, YUV[encoding])
    pixels = rows.reshape(height, width, n_bytes)
    if n_bytes == 1:
        return np.repeat(pixels, 3, axis=2)
    colours = pixels[:, :, :3]
    return np.ascontiguousarray(colours[:, :, ::-1] if encoding.startswith("rgb") else colours)


def _from_yuv(rows: Pixels, places: tuple[int, int, int]) -> Pixels:
    """Convert two bytes a pixel, of which two pixels share U and V (BT.601, 16 to 235)."""
    if rows.shape[1] % 4:
        raise ImageError(f"expected an even width in YUV 4:2:2, found {rows.shape[1] // 2}")
    luma, u_at, v_at = places
    pairs = rows.reshape(len(rows), -1, 4)
    y = 1.164 * np.maximum(rows[:, luma::2].astype(np.float32) - 16, 0)
    u, v = (np.repeat(pairs[:, :, at].astype(np.float32) - 128, 2, axis=1) for at in (u_at, v_at))
    colours = (y + 2.018 * u, y - 0.391 * u - 0.813 * v, y + 1.596 * v)
    shades = np.clip(np.rint(np.stack(colours, axis=2)), 0, 255)
    return np.asarray(shades, np.uint8)


def _compressed(message: Any) -> Pixels:
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImageError("compressed images need Pillow: apt install python3-pil") from error
    if "compressedDepth" in message.format:
        raise ImageError(f"expected a picture, found {message.format!r}")
    try:
        with Image.open(io.BytesIO(bytes(message.data))) as picture:
            if picture.mode.startswith(("I", "F")):
                raise ImageError(f"expected 8 bits a channel, found mode {picture.mode}")
            rgb = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"), np.uint8)
    except ImageError:
        raise
    except Exception as error:  # whatever Pillow raises of bytes that are no picture
        raise ImageError(f"no picture that Pillow reads, {message.format!r}: {error}") from error
    return np.ascontiguousarray(rgb[:, :, ::-1])
