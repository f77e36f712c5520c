"""What is adapted to and what is scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drivemeta.data.dataset import AnnotatedImage, Dataset
from tools.fewshot.protocols import Protocol


def test_shots_and_queries_of_separate_drives_are_never_shared() -> None:
    def images(name: str, n: int) -> tuple[AnnotatedImage, ...]:
        box, label = np.array([[1, 1, 9, 9]], np.float32), np.zeros(1, np.int64)
        none = np.zeros(1, np.bool_)
        return tuple(
            AnnotatedImage(Path(f"{name}{i}"), (20, 20), box, label, none) for i in range(n)
        )

    support = Dataset(images("train", 12), ("stop",))
    truth = Dataset(images("val", 5), ("stop", "traffic_sign"))
    protocol = Protocol("vietnam", support, truth, shared=False, limit=4)
    draw = protocol.draw([1, 3], seed=0)
    assert draw.query.tolist() == [0, 1, 2, 3]
    one, three = ({image.path for image in draw.supports[n].images} for n in (1, 3))
    assert one < three
    assert protocol.boxes() == {"stop": (12, 5)}
