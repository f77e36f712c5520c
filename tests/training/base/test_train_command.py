"""Base training of both levels on a handful of drawn images: it runs, resumes and writes."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from drivemeta.core import SUPER_CLASSES, BankRows
from drivemeta.errors import AnnotationError, ConfigError, InputError, ModelFileError
from drivemeta.models.level1 import Level1
from drivemeta.models.level2 import Level2
from drivemeta.models.store import save_detector
from drivemeta.training.base import detector as detector_module
from drivemeta.training.base import embedding as embedding_module
from drivemeta.training.base import loop
from drivemeta.training.base.detector import DetectorTraining, sampler_of, train_detector
from drivemeta.training.base.embedding import (
    EmbeddingTraining,
    episode_loss,
    margin_loss,
    train_embedding,
    training_crops,
)
from drivemeta.training.base.level1_crops import CropRule, FrameCropSampler
from drivemeta.training.base.level1_loss import TrainableLevel1
from drivemeta.training.base.level1_start import load_level1
from drivemeta.training.base.loop import RunPlan
from tests.helpers.detectors import build_detector

BOX = (30, 20, 24, 18)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data folder: four images of one source and two classes of signs."""
    # The ImageNet weights are in an optional package, and of no use in two steps.
    for module in (detector_module, embedding_module):
        monkeypatch.setattr(module, "load_imagenet", lambda backbone: None)
    root, rng = tmp_path / "data", np.random.default_rng(0)
    scenes = root / "scenes" / "bdd"
    (scenes / "images").mkdir(parents=True)
    images, annotations = [], []
    for i in range(4):
        image = rng.integers(0, 90, (96, 128, 3), dtype=np.uint8)
        x, y, width, height = BOX
        image[y : y + height, x : x + width] = 220
        cv2.imwrite(str(scenes / "images" / f"{i}.png"), image)
        images.append(
            {"id": i, "file_name": f"{i}.png", "height": 96, "width": 128, "split": "train"}
        )
        annotations.append({"id": i, "image_id": i, "category_id": 1, "bbox": BOX, "area": 432})
    coco = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "car"}],
    }
    (scenes / "annotations.json").write_text(json.dumps(coco))
    write_crops(root / "signs", "germany", ("00", "01"), rng)
    write_crops(root, "lights", ("red",), rng)
    return root


def write_crops(root: Path, name: str, classes: tuple[str, ...], rng: np.random.Generator) -> None:
    """Write three crops a class, and the manifest that lists them."""
    rows = ["path,class,group"]
    for label in classes:
        (root / name / label).mkdir(parents=True)
        for i in range(3):
            path = f"{name}/{label}/{i}.jpg"
            cv2.imwrite(str(root / path), rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
            rows.append(f"{path},{label},{i}")
    (root / name / "manifest.csv").write_text("\n".join(rows))


def config(data: Path, **changes: object) -> DetectorTraining:
    values = {
        "out": data.parent / "run",
        "data": data,
        "sources": [{"name": "bdd", "share": 1.0}],
        "sign_crops": ["germany"],
        "paste": 0.5,
        "crop": (64, 64),
        "reference": (96, 128),
        "batch": 2,
        "minutes": 0.01,
        "frozen_blocks": 1,
        "detector_params": {"width": 8},
        "amp": "off",
    }
    return DetectorTraining.model_validate(values | changes)


def test_level1_trains_resumes_and_writes_weights_that_fit(data):
    path = train_detector(config(data), resume=False)
    assert not list(path.parent.glob("*.part"))
    first = load_file(path)
    with safe_open(path.parent / "checkpoint.safetensors", framework="pt") as file:
        seconds = json.loads(file.metadata()["progress"])["seconds"]
    again = train_detector(config(data, minutes=(seconds + 0.5) / 60), resume=True)
    assert again == path
    second = load_file(path)
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    assert "rows.weights" in changed
    assert not any(name.startswith("level1.backbone.stem") for name in changed)  # frozen
    TrainableLevel1(Level1(8), len(SUPER_CLASSES)).load_state_dict(second)


def test_a_run_by_steps_takes_as_many_however_long_they_last_and_goes_on_where_it_stopped(data):
    def progress(path: Path) -> dict:
        with safe_open(path.parent / "checkpoint.safetensors", framework="pt") as file:
            return json.loads(file.metadata()["progress"])

    path = train_detector(config(data, steps=2, minutes=1e-9), resume=False)
    assert progress(path)["step"] == 2
    assert progress(train_detector(config(data, steps=3), resume=True))["step"] == 3


@pytest.mark.parametrize(("step", "share"), [(1, 0.5), (50, 0.505), (99, 0.01)])
def test_the_rate_rises_by_steps_and_falls_over_the_run(step, share):
    layer = torch.nn.Linear(1, 1)
    plan = RunPlan(Path(), 1e-9, 1.0, warmup_steps=4, backbone_factor=1, steps=100)
    optimizer = loop._optimizer(layer, plan)
    loop._set_learning_rate(optimizer, plan, {"step": step, "seconds": 1e9})
    assert optimizer.param_groups[0]["lr"] == pytest.approx(share, abs=2e-3)


def test_level1_begins_with_an_earlier_run_and_adds_the_passthrough(data):
    first = train_detector(config(data), resume=False)
    params = {"width": 8, "passthrough": 1}
    further = config(
        data,
        out=data.parent / "further",
        start_from=first,
        detector_params=params,
        learning_rate=1e-9,
        frozen_blocks=5,
    )
    before, after = load_file(first), load_file(train_detector(further, resume=False))
    assert {"level1.neck.fine.0.weight", "level1.neck.fine.1.weight"} <= after.keys()
    torch.testing.assert_close(after["rows.weights"], before["rows.weights"], atol=1e-6, rtol=0)
    name = "level1.backbone.blocks.4.project.weight"
    assert torch.equal(after[name], before[name])


@pytest.mark.parametrize("module", [detector_module, embedding_module])
def test_a_resumed_run_freezes_the_blocks_that_it_began_with(data, monkeypatch, module):
    frozen = []

    def fill(backbone):
        torch.nn.init.constant_(backbone.stem[1].weight, 0.125)

    def trunk_of(backbone, *rest):
        frozen.append(float(backbone.stem[1].weight.detach().mean()))
        return backbone

    monkeypatch.setattr(module, "load_imagenet", fill)
    monkeypatch.setattr(module, "trunk_of", trunk_of)
    for resume in (False, True):
        if module is detector_module:
            train_detector(config(data, minutes=1e-4), resume=resume)
        else:
            train_embedding(embedding_plan(data, minutes=1e-4, frozen_blocks=1), resume=resume)
    assert frozen == [0.125, 0.125]


@pytest.mark.parametrize(
    ("written", "message"),
    [(None, "cannot begin with"), ({"level1.other": torch.zeros(1)}, "other layers: level1.other")],
)
def test_a_start_that_does_not_fit_is_told(data, tmp_path, written, message):
    path = tmp_path / "start.safetensors"
    if written:
        save_file(written, path)
    with pytest.raises(ModelFileError, match=message):
        train_detector(config(data, start_from=path), resume=False)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"sources": [{"name": "bbd", "share": 1}]}, InputError, "did you mean 'bdd'"),
        ({"sign_crops": ["atlantis"]}, AnnotationError, r"found none in .*atlantis"),
    ],
)
def test_missing_data_is_told(data, changes, error, message):
    with pytest.raises(error, match=message):
        train_detector(config(data, **changes), resume=False)


def test_resuming_level1_without_a_checkpoint_is_told(data):
    with pytest.raises(ConfigError, match="expected a checkpoint"):
        train_detector(config(data), resume=True)


def test_crops_show_what_their_targets_say(data):
    images = detector_module.load_source(data / "scenes", "bdd", "train")
    sampler = FrameCropSampler([(images, 1.0)], CropRule((64, 96), (96, 128), (0.9, 1.1)), [], 0)
    n_boxes = 0
    for _ in range(20):
        crop, target = sampler.sample()
        assert crop.shape == (64, 96, 3)
        assert crop.dtype == np.uint8
        assert target.coverage.tolist() == [2] * len(SUPER_CLASSES)
        for box, label in zip(target.boxes, target.labels, strict=True):
            x0, y0, x1, y1 = box.round().int().tolist()
            assert label == SUPER_CLASSES.index("vehicle")
            middle = crop[(y0 + y1) // 2, (x0 + x1) // 2].mean()
            assert middle > np.median(crop) + 30
            n_boxes += 1
    assert n_boxes > 10


@pytest.mark.parametrize("focus", [{"pedestrain": 2}, {"pedestrian": 0}])
def test_a_focus_on_no_class_is_told(data, focus):
    with pytest.raises(ValidationError, match="focus"):
        config(data, focus=focus)


def test_a_batch_is_float_rgb(data):
    images = detector_module.load_source(data / "scenes", "bdd", "train")
    sampler = FrameCropSampler([(images, 1.0)], CropRule((64, 64), (96, 128)), [], 0)
    batch, targets = sampler.batch(3)
    assert batch.shape == (3, 3, 64, 64)
    assert batch.dtype == torch.float32
    assert float(batch.min()) >= 0
    assert float(batch.max()) <= 1
    assert len(targets) == 3


def embedding_plan(data: Path, **changes: object) -> EmbeddingTraining:
    values = {
        "out": data.parent / "run2",
        "data": data,
        "countries": ["germany"],
        "scenes": False,
        "classes_per_batch": 2,
        "views_per_class": 2,
        "minutes": 0.01,
        "amp": "off",
    }
    return EmbeddingTraining.model_validate(values | changes)


def test_classes_are_left_out_by_meaning_and_lights_on_request(data):
    everything = training_crops(embedding_plan(data))
    left = training_crops(embedding_plan(data, lights=False))
    assert everything.keys() - left.keys() == {"red_light"}
    name = min(left)
    excluded = training_crops(embedding_plan(data, exclude_meanings=[name]))
    assert name not in excluded
    with pytest.raises(ConfigError, match="no such class: slowing"):
        training_crops(embedding_plan(data, exclude_meanings=["slowing"]))


def test_level2_trains_and_writes_weights_that_fit(data):
    plan = embedding_plan(data, frozen_blocks=1)
    weights = load_file(train_embedding(plan, resume=False))
    level2 = {k.removeprefix("level2."): v for k, v in weights.items() if k.startswith("level2.")}
    Level2().load_state_dict(level2)
    names = json.loads((data.parent / "run2" / "classes.json").read_text())
    assert len(names) == weights["rows"].shape[0] == 3
    assert "red_light" in names


def test_margin_loss_is_the_cross_entropy_of_handicapped_cosines():
    cosines, labels = torch.tensor([[0.8, 0.1]]), torch.tensor([0])
    expected = torch.log(1 + torch.exp(torch.tensor(10 * (0.1 - 0.6))))
    assert float(margin_loss(cosines, labels, 10, 0.2)) == pytest.approx(float(expected))


def test_episode_loss_is_small_where_views_agree_and_large_where_they_do_not():
    agree = torch.eye(3).repeat_interleave(4, 0)
    assert float(episode_loss(agree, 4, 20)) < 1e-6
    shuffled = agree.roll(2, 0)
    assert float(episode_loss(shuffled, 4, 20)) > 5


def test_level1_begins_with_that_of_a_detector(data, tmp_path):
    base = build_detector(width=8)
    path = tmp_path / "detector.safetensors"
    save_detector(path, base, {})
    params = {"width": 8, "passthrough": 1}
    begun = TrainableLevel1(Level1(**params), len(SUPER_CLASSES))
    added = begun.level1.neck.fine[0].weight.clone()
    load_level1(path, begun)
    for name, value in base.level1.state_dict().items():
        torch.testing.assert_close(begun.level1.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    assert torch.equal(begun.level1.neck.fine[0].weight, added)
    np.testing.assert_array_equal(begun.rows.weights.detach(), base.bank.dense.weights)
    np.testing.assert_array_equal(begun.rows.biases.detach(), base.bank.dense.biases)
    assert float(begun.rows.log_scale.detach().exp()) == pytest.approx(base.scoring.dense_scale)


def test_a_detector_with_classes_of_its_own_is_no_start(tmp_path):
    base = build_detector(width=8)
    row = BankRows(
        *(getattr(base.bank.dense, name)[:1] for name in ("weights", "biases", "owners", "roots"))
    )
    bank = replace(base.bank, dense=base.bank.dense + row)
    path = tmp_path / "detector.safetensors"
    save_detector(path, base.with_(bank=bank), {})
    with pytest.raises(ModelFileError, match="expected one dense row for each of 5 classes"):
        load_level1(path, TrainableLevel1(Level1(8), len(SUPER_CLASSES)))


def test_a_source_may_lie_in_a_folder_of_its_own(data):
    (data / "scenes" / "bdd").rename(data / "bdd-more")
    sampler = sampler_of(
        config(data, sources=[{"name": "bdd-more", "share": 1.0, "scenes": data}]), resume=False
    )
    assert len(sampler.batch(2)[1]) == 2
