"""Learners that change layers, over things: what they add, what stays, what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from drivemeta.adaptation import thing_columns
from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.observation import observe
from drivemeta.adaptation.report.diagnosis import diagnose_support
from drivemeta.adaptation.report.verdict import verdicts
from drivemeta.adaptation.thing_layer import ThingLayerLearning
from drivemeta.adaptation.thing_views import see_things
from drivemeta.banks.replay import ThingReplay
from drivemeta.core import DISTRACTOR, BankRows
from drivemeta.core.things import FLAT, THING_DIM
from drivemeta.errors import InputError
from drivemeta.export.exporter import export_detector
from drivemeta.export.probe_scene import draw_scene
from drivemeta.export.restore import restore
from drivemeta.export.verify import verify_model
from drivemeta.models.branch import BranchedThings
from drivemeta.models.traced.networks import things_graph
from drivemeta.models.traced.session import session_of
from drivemeta.plugins import default_registry
from drivemeta.runtime.detector import OnnxDetector
from tests.helpers.detectors import make_things, ship_things
from tests.helpers.support import write_support

LAYERS = ("maml", "anil", "metasgd", "reptile")
EACH = [name if name == "maml" else pytest.param(name, marks=pytest.mark.slow) for name in LAYERS]


@pytest.fixture(scope="module")
def base(lively_detector):
    scoring = replace(lively_detector.scoring, thing_scale=15.0, thing_parent_power=0.5)
    return lively_detector.with_(things=make_things(), scoring=scoring).eval()


@pytest.fixture(autouse=True)
def store(monkeypatch):
    return ship_things(
        monkeypatch, {"car": "vehicle", "person": "pedestrian", "tram": "vehicle"}, 60
    )


@pytest.fixture(scope="module")
def support(tmp_path_factory):
    return write_support(tmp_path_factory.mktemp("support"), 3, "bus", "van")


def learning_of(base, support, name="maml", parents=("vehicle", "vehicle"), **params):
    plugin = default_registry().build("learner", name, **params)
    evidence = see_things(base, observe(base, support), parents)
    return ThingLayerLearning(base, plugin, evidence, parents)


@pytest.mark.parametrize("name", EACH)
def test_a_layer_stands_behind_the_embedding_of_things(base, support, name):
    state = {key: value.clone() for key, value in base.state_dict().items()}
    adapted = adapt(base, support, name, parent="vehicle")
    things, bank = adapted.detector.things, adapted.detector.bank
    assert isinstance(things, BranchedThings)
    assert things.things is base.things
    assert adapted.detector.level2 is base.level2
    assert all(torch.equal(value, state[key]) for key, value in base.state_dict().items())
    n_old = len(base.bank.crop)
    old, new = bank.crop.weights[:n_old], bank.crop[np.arange(len(bank.crop)) >= n_old]
    np.testing.assert_array_equal(old[:, :THING_DIM], base.bank.crop.weights)
    assert not old[:, THING_DIM:].any()
    assert not new.weights[:, :THING_DIM].any()
    root = bank.index("vehicle")
    assert {bank.index("bus"), bank.index("van"), root} == set(new.owners.tolist())
    assert all(0 < row.threshold < 1 for row in adapted.classes)
    (bus, _) = verdicts(adapted, diagnose_support(adapted), adapted.record.frames_held)
    assert bus.n_boxes == 3


def seen_as_signs(path, bank):
    """Return what a file reports as signs and lights on a drawn scene."""
    flat = {bank.index(name) for name in FLAT}
    names = {spec.name for spec, root in zip(bank.classes, bank.roots, strict=True) if root in flat}
    found = OnnxDetector(path, provider="cpu")([draw_scene((200, 300), seed=1)], min_score=0.001)[0]
    return found[np.array([name in names for name in found.names])]


@pytest.mark.parametrize("name", EACH)
def test_the_file_agrees_is_verified_and_leaves_signs_to_the_bit(base, support, tmp_path, name):
    adapted = adapt(base, support, name, parent="vehicle")
    after, before = tmp_path / "vans.onnx", tmp_path / "base.onnx"
    report = adapted.export(after)
    assert report.parity.n_rows > 20
    assert report.manifest.bank.crop_dim == 2 * THING_DIM
    assert verify_model(after, provider="cpu").n_rows >= 5
    export_detector(base, before)
    was, now = (seen_as_signs(path, base.bank) for path in (before, after))
    assert len(was) > 10
    for field in ("boxes", "scores", "labels"):
        np.testing.assert_array_equal(getattr(now, field), getattr(was, field))


def test_columns_of_the_embedding_itself_do_not_move_by_a_bit(base, support):
    things = adapt(base, support, "maml", parent="vehicle").detector.things
    crops = np.random.default_rng(0).random((4, 3, 112, 112), np.float32)
    before, after = (
        session_of(things_graph(network), 1).run(None, {"x": crops})[0]
        for network in (base.things, things)
    )
    np.testing.assert_array_equal(after[:, :THING_DIM], before)
    assert not np.allclose(after[:, THING_DIM:], before, atol=1e-3)


@pytest.mark.slow
def test_kinds_are_added_to_a_file_with_an_adapted_layer(base, support, tmp_path):
    first, path = adapt(base, support, "maml", parent="vehicle"), tmp_path / "vans.onnx"
    first.export(path)
    restored = restore(base, path)
    crops = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(restored.things(crops), first.detector.things(crops))
    (tmp_path / "more").mkdir()
    for parent in ("vehicle", "traffic_sign"):
        more = write_support(tmp_path / "more", 2, "tractor")
        both = adapt(restored, more, parent=parent)
        assert both.record.learner.name == "protonet"
        bank = both.detector.bank
        tractor, bus = (
            bank.crop.weights[bank.crop.owners == bank.index(n)] for n in ("tractor", "bus")
        )
        assert not tractor[:, THING_DIM:].any()
        assert not bus[:, :THING_DIM].any()
        assert bank.classes[bank.index("bus")].threshold == first.classes[0].threshold
        both.export(tmp_path / "both.onnx")
        assert verify_model(tmp_path / "both.onnx", provider="cpu").n_rows >= 5
    with pytest.raises(InputError, match="has one already"):
        adapt(restored, more, "reptile", parent="vehicle")


def test_the_layer_is_learnt_without_what_is_held_out(base, support):
    learning = learning_of(base, support)
    full, part = learning.without(), learning.without(np.array([1]))
    assert full.again is not None
    layers = [there.evidence.things_through.project.weight for there in (full, part)]
    assert not torch.equal(*layers)
    assert part.evidence.boxes.embeddings.shape == (6, 2 * THING_DIM)
    found = [there.evidence.embedded.images[:, THING_DIM:] for there in (full, part)]
    assert not torch.equal(*found)


def test_frames_are_held_out_with_their_own_layer(base, support, monkeypatch):
    asked = []
    without = ThingLayerLearning.without

    def watched(self, boxes=None):
        asked.append(None if boxes is None else boxes.tolist())
        return without(self, boxes)

    monkeypatch.setattr(ThingLayerLearning, "without", watched)
    adapt(base, support, "maml", parent="vehicle")
    frames = [[box] for box in range(6)]  # one box each
    assert [boxes for boxes in asked if boxes in frames] == frames


def test_things_that_ship_are_replayed_but_for_those_of_a_new_kind(base, support, store):
    task = learning_of(base, support)._task
    torch.testing.assert_close(task.replay, torch.from_numpy(store.embeddings))
    assert task.replay_labels.tolist() == store.labels.tolist()
    same = replace(store, kinds=("bus", "person", "tram"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thing_columns, "load_replay", lambda: same)
        task = learning_of(base, support)._task
    np.testing.assert_array_equal(task.replay.numpy(), store.embeddings[store.labels > 0])


def test_a_kind_that_ships_under_the_name_votes_in_the_columns_of_the_layer(
    base, support, store, monkeypatch
):
    things = see_things(base, observe(base, support), ("vehicle", "vehicle"))
    mine = things.embedded.images[things.embedded.labels == 0].numpy()
    embeddings = np.concatenate([store.embeddings, mine])
    labels = np.concatenate([store.labels, np.full(len(mine), 3)])
    known = ThingReplay((*store.kinds, "bus"), (*store.parents, "vehicle"), embeddings, labels)
    monkeypatch.setattr(thing_columns, "load_replay", lambda: known)
    adapted = adapt(base, support, "maml", parent="vehicle")
    assert "the bus that ships is part of it" in adapted.classes[0].reason
    assert "that ships" not in adapted.classes[1].reason


def test_new_kinds_of_object_are_learnt_by_a_layer(base, support):
    bank = adapt(base, support, "maml", parent="none").detector.bank
    for name in ("bus", "van"):
        label = bank.index(name)
        own = bank.crop.roots == label
        assert set(bank.crop.owners[own].tolist()) == {label, DISTRACTOR}
        assert not bank.crop.weights[own][:, :THING_DIM].any()


@pytest.mark.parametrize("name", ["siamese", "matching"])
def test_a_learner_that_compares_with_each_shot_is_refused(base, support, name):
    params = {"full_context": True} if name == "matching" else {}
    with pytest.raises(InputError, match=f"learner {name} compares .* by protonet, or by maml"):
        adapt(base, support, name, parent="vehicle", settings={name: params})


def test_what_a_layer_of_things_cannot_be_learnt_with_is_refused(
    base, support, monkeypatch, tmp_path
):
    with pytest.raises(InputError, match="meta-trained over level 2, which sees signs"):
        adapt(base, support, "maml", parent="vehicle", learner_weights=tmp_path / "maml")
    rows = BankRows(
        np.eye(1, THING_DIM, dtype=np.float32),
        np.zeros(1, np.float32),
        np.zeros(1, np.int64),
        np.zeros(1, np.int64),
    )
    named = base.with_(bank=replace(base.bank, crop=base.bank.crop + rows))
    with pytest.raises(InputError, match="kinds of vehicle, of which the model has some"):
        adapt(named, support, "maml", parent="vehicle")
    monkeypatch.setattr(
        "drivemeta.adaptation.adapt.parents_of", lambda *_: ("vehicle", "traffic_sign")
    )
    with pytest.raises(
        InputError,
        match=r"things: \w+ \(vehicle\); and others: van \(traffic_sign\); say by --parent",
    ):
        adapt(base, support, "maml")
