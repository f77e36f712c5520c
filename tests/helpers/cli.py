"""The command line, called in this process."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from drivemeta.cli import main as cli


def write_video(path: Path, image: np.ndarray, n: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv420p"
        for i in range(n):
            moved = np.ascontiguousarray(np.roll(image, i, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="bgr24")))
        container.mux(stream.encode())
    return path


def call(*words: object) -> int:
    """Return the exit code of the command line."""
    with pytest.raises(SystemExit) as done:
        cli.main([str(word) for word in words])
    return done.value.code or 0
