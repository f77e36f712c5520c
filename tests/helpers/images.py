"""Pictures of one colour."""

from pathlib import Path

from PIL import Image


def put_image(path: Path, width: int = 80, height: int = 60) -> Path:
    """Write a picture, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (90, 120, 60)).save(path)
    return path
