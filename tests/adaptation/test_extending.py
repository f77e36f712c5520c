"""A class that is extended keeps its threshold and raises no more false alarms."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.base_places import Places, places_beside, write_places
from drivemeta.adaptation.extending import least_bias
from drivemeta.core import BankRows
from drivemeta.core.boxes import iou_matrix
from drivemeta.core.score_rule import DenseArrays, score_locations
from drivemeta.data.readers.files import read_image
from drivemeta.errors import ModelFileError
from drivemeta.models.store import load_base
from drivemeta.models.traced.proposals import propose
from tools.fewshot.extending import EXTENSIONS, home_frames, support_of

SCENES = Path(__file__).parents[3] / "shared" / "data" / "scenes"
VEHICLE = 0  # without kinds of its own


def with_row(bank, row, bias, owner):
    """Return the bank with one more row of level 1."""
    label = np.array([owner])
    rows = BankRows(row[None], np.array([bias], np.float32), label, bank.roots[label])
    return replace(bank, dense=bank.dense + rows)


def reported(bank, places, scoring):
    """Return the class that is reported at each place, -1 for none."""
    dense = DenseArrays(
        np.zeros((len(places), 4), np.float32),
        places.quality.numpy(),
        places.embeddings.numpy(),
    )
    scores, rows = score_locations(dense, bank.dense, scoring)
    labels = bank.dense.owners[rows]
    return np.where(scores >= bank.thresholds[labels], labels, -1)


@pytest.mark.parametrize("thresholds", [(0.3, 0.3), (0.9, 0.1), (0.1, 0.9)])
@pytest.mark.parametrize("seed", range(3))
def test_a_row_at_its_least_bias_changes_nothing_that_is_reported(
    lively_detector, seed, thresholds
):
    scoring, names = lively_detector.scoring, lively_detector.bank.names
    kinds = dict.fromkeys(names[5:], 1.0)  # reported from no lower score than what they are of
    bank = lively_detector.bank.with_thresholds(
        kinds | dict(zip(names[:2], thresholds, strict=True))
    )
    random = torch.Generator().manual_seed(seed)
    own, dim = torch.from_numpy(bank.dense.weights[VEHICLE]), bank.dense.weights.shape[1]
    drawn = torch.randn(2000, dim, generator=random) / dim**0.5
    embeddings = F.normalize(drawn + own * torch.rand(2000, 1, generator=random), dim=-1)
    places = Places(embeddings, torch.randn(2000, generator=random))
    row = F.normalize(own + torch.randn(dim, generator=random) / dim**0.5, dim=-1).numpy()
    before = reported(bank, places, scoring)
    bias = least_bias(row, places, bank, VEHICLE, scoring)
    after = reported(with_row(bank, row, bias, VEHICLE), places, scoring)
    np.testing.assert_array_equal(after, before)
    lower = reported(with_row(bank, row, bias - 1e-3, VEHICLE), places, scoring)
    assert (lower != before).any()


def alarms(detector, support, name):
    """Return how many boxes away from those annotated are reported as a class, over all frames."""
    label, n = detector.bank.index(name), 0
    for image in support.images:
        found = propose(detector, read_image(image.path))
        named = (found.labels == label) & (found.scores >= detector.bank.thresholds[label])
        n += int((iou_matrix(found.boxes[named], image.boxes).max(1, initial=0) < 0.1).sum())
    return n


@pytest.mark.parametrize("name", ["vehicle", "traffic_light"])
def test_extending_moves_no_threshold_and_brings_no_flood(lively_detector, make_support, name):
    support = make_support(2, name)
    found = adapt(lively_detector, support).detector
    assert found.bank.classes == lively_detector.bank.classes
    assert len(found.bank.dense) == len(lively_detector.bank.dense) + 1
    before = alarms(lively_detector, support, name)
    assert before > 0
    assert alarms(found, support, name) <= 1.1 * before


def test_a_kind_of_the_base_keeps_its_threshold(make_support):
    base = load_base()
    found = adapt(base, make_support(3, "red_light")).detector.bank
    assert found.classes == base.bank.classes
    assert len(found.crop) > len(base.bank.crop)


def test_places_are_those_of_something_else_and_of_one_network(lively_detector, tmp_path):
    level1, path = lively_detector.level1, tmp_path / "places.safetensors"
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(6, 8)).astype(np.float32)
    quality, labels = np.arange(6, dtype=np.float32), np.array([-1, 0, 1, 1, -1, 0])
    write_places(path, level1, ("car", "sign"), embeddings, quality, labels)
    assert places_beside(level1, "car", path).quality.tolist() == [0, 2, 3, 4]
    found = places_beside(level1, "cone", path)
    assert len(found) == 6
    np.testing.assert_allclose(found.embeddings.norm(dim=1), 1, atol=1e-6)
    assert len(places_beside(load_base().level1, "car", path)) == 0
    path.write_bytes(b"none")
    with pytest.raises(ModelFileError, match=r"places of level 1 in .*places\.safetensors"):
        places_beside(level1, "car", path)
    with pytest.raises(ModelFileError, match="expected the shipped places"):
        places_beside(level1, "car", tmp_path / "nowhere")


def test_the_places_that_ship_are_of_the_base_that_ships():
    level1 = load_base().level1
    everything = len(places_beside(level1, "something new"))
    for spec in load_base().bank.classes[:5]:
        assert 1000 < len(places_beside(level1, spec.name)) < everything


@pytest.mark.slow
@pytest.mark.skipif(not SCENES.is_dir(), reason="the shared data are not here")
def test_each_class_of_the_base_reports_as_many_boxes_a_frame_as_before():
    base, n = load_base(), 20
    frames = home_frames(base, SCENES, n)
    before = frames.counts(base.bank)
    for extension in EXTENSIONS:
        support = support_of(extension, SCENES, 3, 0)
        bank = adapt(base, support, "protonet").detector.bank
        assert bank.classes == base.bank.classes
        own, after = bank.roots == bank.roots[bank.index(extension.name)], frames.counts(bank)
        assert after[own].sum() <= 1.1 * before[own].sum() + 0.2 * n, extension
        np.testing.assert_allclose(after[~own], before[~own], atol=0.1 * n, err_msg=extension.name)
