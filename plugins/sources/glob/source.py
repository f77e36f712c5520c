"""The images that match a pattern, as a stream."""

from __future__ import annotations

import glob
from pathlib import Path

from drivemeta.errors import VideoError
from drivemeta.files import IMAGE_SUFFIXES, is_foreign, is_image
from drivemeta.plugins.source.image_files import Pictures


class GlobSource(Pictures):
    """Reads the images whose paths match a pattern, in natural order of the paths.

    Args:
        pattern: Pattern with `*`, `?`, `[...]`, and `**` for any depth of folders.
        fps: Images a second.

    Raises:
        VideoError: no image matches, or the rate is not positive.
    """

    def __init__(self, pattern: str, fps: float = 10.0) -> None:
        found = (Path(path) for path in glob.glob(pattern, recursive=True))  # noqa: PTH207  (takes absolute ones)
        named = set(Path(pattern).parts)  # what the pattern spells out is meant
        files = [
            path
            for path in found
            if is_image(path)
            and not any(is_foreign(part) for part in path.parts if part not in named)
            and path.is_file()
        ]
        if not files:
            raise VideoError(
                f"expected images ({', '.join(IMAGE_SUFFIXES)}), found none by {pattern!r}"
            )
        super().__init__(pattern, files, fps)
