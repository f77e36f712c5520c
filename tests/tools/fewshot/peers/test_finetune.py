"""Peers that fine-tune level 1."""

from __future__ import annotations

import copy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.support import SupportSet
from drivemeta.export.probe_scene import draw_scene
from drivemeta.models.store import load_base
from tools.fewshot.peers.finetune import FineTuning, torch_level1
from tools.fewshot.scenes import Scenes


@pytest.mark.parametrize("part", ["head", "all"])
def test_fine_tuning_leaves_the_base_alone(part: str, tmp_path: Path) -> None:
    base = load_base()
    base.input_size = (192, 320)  # the tracing of a smaller input takes less long
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), draw_scene((192, 320), 0))
    box, label = np.array([[100, 50, 160, 110]], np.float32), np.zeros(1, np.int64)
    shot = AnnotatedImage(path, (192, 320), box, label, np.zeros(1, np.bool_))
    support = SupportSet(Dataset((shot,), ("stop",)))
    before = copy.deepcopy(torch_level1(base)).state_dict()

    finder = FineTuning(part, 2, 1e-5).learn(base, support, "traffic_sign")

    assert all(torch.equal(v, before[k]) for k, v in torch_level1(base).state_dict().items())
    tree = finder.tree
    assert tree.parents[tree.names.index("stop")] == "traffic_sign"
    found = finder.detect(Scenes(base, [path]), 0)
    assert (found.labels == tree.names.index("stop")).any()
