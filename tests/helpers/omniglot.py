"""A file like Omniglot's, of few characters."""

from pathlib import Path

import numpy as np


def write_omniglot(path: Path, n: int = 12) -> Path:
    """Write n characters of one alphabet, each a picture of its own with noise."""
    rng = np.random.default_rng(0)
    picture = rng.random((n, 1, 28, 28)) < 0.3
    noise = rng.random((n, 20, 28, 28)) < 0.05
    np.savez(
        path,
        bits=(picture ^ noise).astype(np.uint8) * 255,
        alphabet=np.array(["x"] * n),
        split=np.array(["background"] * n),
        vinyals=np.array(["train", "val", "test"] * (n // 3)),
    )
    return path
