"""Training of the thing-embedding on a handful of pictures: it runs, resumes and writes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from drivemeta.errors import ConfigError
from drivemeta.models.things import load_things
from drivemeta.training.base import things as things_module
from drivemeta.training.base.thing_sampler import (
    ThingData,
    ThingSampler,
    held_out_classes,
    read_things,
)
from drivemeta.training.base.things import ThingTraining, train_things

HEADER = "path,class,group,source,width,height,x1,y1,x2,y2\n"


def write_kinds(folder: Path, names: list[str]) -> Path:
    """Write a list of three noisy pictures a class."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for name in names:
        for i in range(3):
            file = f"{name}{i}.png"
            image = rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / file), image)
            rows.append(f"{file},{name},{file},web,24,24,2,2,22,22\n")
    (folder / "manifest.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    return folder


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ThingTraining:
    """A training of a second, without ImageNet's weights, which are in an optional package."""
    monkeypatch.setattr(things_module, "load_imagenet", lambda backbone: None)
    held = tmp_path / "held.json"
    held.write_text(json.dumps({"kinds": ["cat"], "roads": ["bus"], "alike": []}))
    data = ThingData(
        kinds=[write_kinds(tmp_path / "kinds", ["bear", "cat", "ox"])],
        others=[write_kinds(tmp_path / "others", ["pizza"])],
        held_out=held,
    )
    return ThingTraining(
        out=tmp_path / "run",
        data=data,
        frozen_blocks=0,
        classes_per_batch=2,
        views_per_class=2,
        minutes=0.001,
    )


def test_what_is_held_out_is_not_read(config: ThingTraining) -> None:
    things, others = read_things(config.data, 0)
    assert sorted(things) == ["bear", "ox", "pizza"]
    assert others == {"pizza"}


def test_a_list_of_held_out_classes_that_is_none_is_told(tmp_path: Path) -> None:
    assert held_out_classes(None) == set()
    with pytest.raises(ConfigError, match="held_out"):
        held_out_classes(tmp_path / "none.json")
    (tmp_path / "other.json").write_text('{"kinds": []}')
    with pytest.raises(ConfigError, match="roads"):
        held_out_classes(tmp_path / "other.json")


def test_others_are_drawn_as_often_as_they_should(config: ThingTraining) -> None:
    things, others = read_things(config.data, 0)
    none = ThingSampler(things, others, 0.0, 0)
    assert none.names == ("bear", "ox", "pizza")
    crops, labels = none.batch(5, 2)
    assert sorted(labels.tolist()) == [0, 0, 1, 1]
    assert crops.shape == (4, 3, 112, 112)


def test_it_trains_writes_and_goes_on(config: ThingTraining) -> None:
    path = train_things(config, resume=False)
    assert json.loads((config.out / "classes.json").read_text()) == ["bear", "ox", "pizza"]
    assert all(tensor.dtype == torch.float16 for tensor in load_file(path).values())
    first = load_things(path).state_dict()
    with safe_open(config.out / "checkpoint.safetensors", framework="pt") as file:
        seconds = json.loads(file.metadata()["progress"])["seconds"]
    longer = config.model_copy(update={"minutes": (seconds + 0.5) / 60})
    assert train_things(longer, resume=True) == path
    second = load_things(path).state_dict()
    assert any(not torch.equal(first[name], second[name]) for name in first)
