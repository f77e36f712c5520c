"""A folder of images as a stream."""

from __future__ import annotations

from pathlib import Path

from drivemeta.errors import VideoError
from drivemeta.files import IMAGE_SUFFIXES, list_files, list_images
from drivemeta.plugins.source.image_files import Pictures


class ImageSource(Pictures):
    """Reads the images of a folder in natural order (`2.png` before `10.png`).

    Args:
        path: Path of the folder.
        fps: Images a second.

    Raises:
        VideoError: there is no such folder, no image in it, or the rate is not positive.
    """

    def __init__(self, path: str | Path, fps: float = 10.0) -> None:
        folder = Path(path)
        if not folder.is_dir():
            raise VideoError(f"expected a folder of images, found none at {folder}")
        files = list_images(folder)
        if not files:
            there = [path.name for path in list_files(folder)[:5]]
            raise VideoError(
                f"expected images ({', '.join(IMAGE_SUFFIXES)}) or videos, found none in {folder}"
                + (f"; it holds {', '.join(there)}" if there else "")
            )
        super().__init__(folder.name, files, fps)
