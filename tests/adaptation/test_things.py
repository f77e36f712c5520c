"""Adapting to kinds of things: vehicles, people, and new kinds of object."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.frame_crops import N_VIEWS
from drivemeta.adaptation.observation import observe
from drivemeta.adaptation.parent_choice import parents_of
from drivemeta.adaptation.report.diagnosis import diagnose_support
from drivemeta.adaptation.report.likeness import Likeness
from drivemeta.adaptation.report.plot import draw_report_plot
from drivemeta.adaptation.thing_views import see_things, things_among
from drivemeta.banks.contrast import Contrast
from drivemeta.core import DISTRACTOR
from drivemeta.core.boxes import iou_matrix
from drivemeta.data.readers.files import read_image
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError
from drivemeta.models.crops import to_tensor
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.detectors import make_things, ship_things
from tests.helpers.support import seen_again, write_support


@pytest.fixture(scope="module")
def base(lively_detector):
    things = make_things()
    scoring = replace(lively_detector.scoring, thing_scale=15.0, thing_parent_power=0.5)
    return lively_detector.with_(things=things, scoring=scoring).eval()


@pytest.fixture(autouse=True)
def replay(monkeypatch):
    return ship_things(monkeypatch, {"car": "vehicle", "person": "pedestrian"}, 40)


@pytest.fixture(scope="module")
def support(tmp_path_factory):
    return write_support(tmp_path_factory.mktemp("support"), 3, "bus", "van")


@torch.no_grad()
def test_things_are_seen_by_their_embedding_and_signs_are_not(base, support):
    seen = observe(base, support)
    found = see_things(base, seen, ("vehicle", "traffic_sign"))
    for box in range(6):
        label = seen.boxes.labels[box]
        pixels = to_tensor(seen.frames[box][0])
        place = torch.from_numpy(seen.boxes.places[[box]])
        crops = base.crops(pixels, place, things=label == 0)
        expected = base.embed(crops, things=label == 0)
        np.testing.assert_allclose(found.boxes.embeddings[[box]], expected, atol=1e-4)
    signs = seen.embedded.labels == 1
    assert torch.equal(found.embedded.images[signs], seen.embedded.images[signs])
    assert not torch.isclose(found.embedded.images[~signs], seen.embedded.images[~signs]).all()
    assert see_things(base, seen, ("traffic_sign", None)) is seen


@torch.no_grad()
def test_further_views_of_things_are_embedded_as_things(base, support):
    seen = observe(base, seen_again(support, 1, 2, 1, 2, 5, 6))
    found = see_things(base, seen, ("vehicle", "traffic_sign"))
    plain = see_things(base, observe(base, support), ("vehicle", "traffic_sign"))
    views = plain.embedded.images.reshape(6, N_VIEWS, -1)[[0, 1, 4, 5, 2, 3]]
    torch.testing.assert_close(found.embedded.images.reshape(6, N_VIEWS, -1), views)


def test_a_kind_that_ships_is_of_its_super_class_unless_it_is_taken_for_a_sign(base, support):
    seen, index = observe(base, support), base.bank.index
    own = np.where(seen.boxes.labels == 0)[0]

    def parent_of_buses(roots: list[int], score: float, thing_scale: float = 1.0) -> str | None:
        changed = seen.boxes.roots.copy()
        changed[own] = roots
        found = np.where(changed >= 0, score, 0).astype(np.float32)
        told = replace(seen, boxes=replace(seen.boxes, roots=changed, found=found))
        scoring = replace(base.scoring, thing_scale=thing_scale)
        return parents_of(base.bank, told, None, scoring)[0]

    assert parent_of_buses([-1, -1, -1], 0.0) == "vehicle"
    assert parent_of_buses([index("pedestrian")] * 3, 0.9) == "vehicle"
    assert parent_of_buses([index("traffic_sign")] * 3, 0.25) == "vehicle"
    assert parent_of_buses([index("traffic_sign"), -1, -1], 0.9) == "vehicle"
    assert parent_of_buses([index("traffic_sign")] * 2 + [-1], 0.9) == "traffic_sign"
    assert parent_of_buses([index("traffic_sign")] * 3, 0.9) == "traffic_sign"
    assert parent_of_buses([index("pedestrian")] * 3, 0.9, thing_scale=0.0) == "pedestrian"


def test_a_new_kind_of_object_is_its_own_super_class(base, support):
    seen = observe(base, support)
    assert parents_of(base.bank, seen, "none", base.scoring) == ("bus", "van")
    assert parents_of(base.bank, seen, "none", replace(base.scoring, thing_scale=0.0)) == (
        None,
        None,
    )
    assert things_among(("bus", "traffic_light", None), base.scoring).tolist() == [
        True,
        False,
        False,
    ]


def test_kinds_of_vehicle_get_rows_and_rivals_below_it(base, support):
    adapted = adapt(base, support, parent="vehicle")
    bank = adapted.detector.bank
    root = bank.index("vehicle")
    rows = bank.crop.roots == root
    owners = bank.crop.owners[rows]
    assert {bank.index("bus"), bank.index("van"), root} == set(owners.tolist())
    before = base.bank.crop
    np.testing.assert_array_equal(bank.crop.weights[: len(before)], before.weights)
    assert all(row.parent == "vehicle" for row in adapted.classes)


def test_a_new_kind_is_confirmed_by_its_look(base, support):
    adapted = adapt(base, support, parent="none")
    bank = adapted.detector.bank
    for name in ("bus", "van"):
        label = bank.index(name)
        assert bank.classes[label].parent is None
        assert (bank.dense.owners == label).sum() == 1
        own = bank.crop.roots == label
        assert set(bank.crop.owners[own].tolist()) == {label, DISTRACTOR}
    assert not any(row.parent for row in adapted.classes)


def test_signs_and_things_are_learnt_side_by_side(base, support, monkeypatch):
    monkeypatch.setattr(
        "drivemeta.adaptation.adapt.parents_of", lambda *_: ("vehicle", "traffic_sign")
    )
    both = adapt(base, support).detector.bank
    parents = {spec.name: spec.parent for spec in both.classes}
    assert (parents["bus"], parents["van"]) == ("vehicle", "traffic_sign")
    for name, parent in (("bus", "vehicle"), ("van", "traffic_sign")):
        own = both.crop.owners == both.index(name)
        assert own.any()
        assert set(both.crop.roots[own].tolist()) == {both.index(parent)}


def test_many_shots_of_things_are_learnt_by_rows(base, tmp_path):
    many = write_support(tmp_path, 10, "bus")
    assert adapt(base, many, parent="vehicle").record.learner.name == "protonet"


def test_things_that_look_alike_are_told(base, support, replay):
    adapted = adapt(base, support, parent="vehicle")
    pairs = [p for p in diagnose_support(adapted).likeness if p.name == "bus"]
    assert all(pair.of_things for pair in pairs)
    assert {(pair.other, pair.kind) for pair in pairs} == {("van", "new"), ("car", "shipped")}
    task = adapted.record.evidence.embedded
    means = [task.images[task.labels == i, :128].mean(0, keepdim=True).numpy() for i in (0, 1)]
    bus, van = (Contrast.of(replay, "vehicle").rows(mean)[0][0] for mean in means)
    assert pairs[0].cosine == pytest.approx(float(bus @ van), abs=1e-3)
    assert not Likeness("bus", "van", "new", 0.2, of_things=True).is_close
    assert Likeness("bus", "van", "new", 0.3, of_things=True).is_close
    assert not Likeness("stop", "yield", "new", 0.3).is_close


def test_new_kinds_of_object_are_compared_with_all_that_ship(base, support):
    adapted = adapt(base, support, parent="none")
    diagnosis = diagnose_support(adapted)
    others = {(p.other, p.kind) for p in diagnosis.likeness if p.name == "van"}
    assert others == {("bus", "new"), ("car", "shipped"), ("person", "shipped")}
    assert draw_report_plot(adapted, diagnosis).width > 0


def test_a_new_kind_of_object_is_found_by_the_file_that_is_written(base, support, tmp_path):
    adapted = adapt(base, support, parent="none")
    path = tmp_path / "kinds.onnx"
    adapted.export(path)
    frame = read_image(support.images[0].path)
    (found,) = OnnxDetector(path, provider="cpu")([frame], min_score=0.001)
    assert "bus" in found.names
    entries = {entry.name: entry.parent for entry in read_model_file(path).manifest.classes}
    assert entries["bus"] is None
    name = support.classes[support.images[0].labels[0]]
    own = found.boxes[[n == name for n in found.names]]
    assert iou_matrix(own[:1], support.images[0].boxes).max() > 0.3


@pytest.fixture
def crops(support, tmp_path):
    for image in support.images:
        name = support.classes[image.labels[0]]
        x1, y1, x2, y2 = image.boxes[0].astype(int)
        crop = read_image(image.path)[y1:y2, x1:x2]
        (tmp_path / name).mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name / image.path.name), crop)
    return SupportSet.from_path(tmp_path)


def test_crops_of_things_become_kinds_of_a_super_class_or_are_refused(base, crops):
    adapted = adapt(base, crops, parent="vehicle")
    bank = adapted.detector.bank
    assert (bank.crop.owners == bank.index("bus")).any()
    assert len(bank.dense) == len(base.bank.dense)
    with pytest.raises(InputError, match="learns from whole frames, found plain crops"):
        adapt(base, crops, parent="none")
    named = replace(crops, dataset=replace(crops.dataset, classes=("pedestrian", "van")))
    with pytest.raises(InputError, match=r"'pedestrian' is a super-class, .* found plain crops"):
        adapt(base, named, parent="vehicle")
