"""Parts of level 1 that are fine-tuned."""

from __future__ import annotations

import copy
from pathlib import Path

import cv2
import numpy as np
import torch

from drivemeta.export.probe_scene import draw_scene
from drivemeta.models.store import load_base
from tools.fewshot.peers.finetune import torch_level1
from tools.fewshot.peers.parts import LastLayers, Whole


def test_last_layers_predict_as_the_whole_network_does(tmp_path: Path) -> None:
    level1 = torch_level1(load_base()).eval()
    crops = list(torch.rand(3, 3, 64, 128, generator=torch.Generator().manual_seed(0)))
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), draw_scene((96, 160), 0))
    last = LastLayers(copy.deepcopy(level1), crops, {})
    with torch.no_grad():
        for parameter in last.trained:
            parameter.add_(0.01)
    whole = Whole(copy.deepcopy(last._level1), crops)

    pairs = list(zip(last.predict([2, 0]), whole.predict([2, 0]), strict=True))
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in pairs)
    assert sum(p.numel() for p in last.trained) < 1000
    for part in (last, whole):
        part.finish((128, 192))
    for _ in range(2):  # the second time from memory
        (size, ours), (_, wanted) = last.look(path), whole.look(path)
        assert size == (96, 160)
        np.testing.assert_allclose(ours.boxes, wanted.boxes, atol=0.05)
        np.testing.assert_allclose(ours.embeddings, wanted.embeddings, atol=1e-3)
