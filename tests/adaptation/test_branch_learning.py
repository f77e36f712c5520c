"""Learners with a branch: what they add, what stays, and that the exported file agrees."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.branch_learning import BranchLearning
from drivemeta.adaptation.learner_weights import Initialisation
from drivemeta.adaptation.observation import observe
from drivemeta.adaptation.report.diagnosis import diagnose_support
from drivemeta.adaptation.report.expected_ap50 import expected_ap50
from drivemeta.banks.named import NamedBank
from drivemeta.errors import InputError, ModelFileError, PluginError
from drivemeta.export.restore import restore
from drivemeta.export.verify import verify_model
from drivemeta.models import learner_store
from drivemeta.models.branch import Branched, own_dim
from drivemeta.models.store import load_base
from drivemeta.models.traced.networks import level2_graph
from drivemeta.models.traced.session import session_of
from drivemeta.paths import REPLAY_WEIGHTS, builtin_folder
from drivemeta.plugins import default_registry

BRANCHES = ("maml", "anil", "metasgd", "reptile", "siamese", "matching")
EACH = [name if name == "maml" else pytest.param(name, marks=pytest.mark.slow) for name in BRANCHES]


@pytest.fixture
def base(lively_detector):
    return lively_detector


def built(name, **params):
    params = {"full_context": True, **params} if name == "matching" else params
    return default_registry().build("learner", name, **params)


def learner(name, **params):
    return built(name, **params).object


@pytest.mark.parametrize("name", BRANCHES)
def test_a_branch_stands_beside_the_base(base, make_support, name):
    state = {key: value.clone() for key, value in base.state_dict().items()}
    adapted = adapt(base, make_support(3, "rocks", "ice"), learner(name), parent="traffic_sign")
    level2, bank = adapted.detector.level2, adapted.detector.bank
    assert isinstance(level2, Branched)
    assert level2.level2 is base.level2
    assert all(torch.equal(value, state[key]) for key, value in base.state_dict().items())
    dim, n_old = own_dim(level2), len(base.bank.crop)
    old = bank.crop.weights[:n_old]
    np.testing.assert_array_equal(old[:, :dim], base.bank.crop.weights)
    assert not old[:, dim:].any()
    for label in ("rocks", "ice"):
        rows = bank.crop.weights[bank.crop.owners == bank.index(label)]
        assert len(rows)
        assert not rows[:, :dim].any()
    np.testing.assert_allclose(np.linalg.norm(bank.crop.weights, axis=1), 1, atol=1e-5)
    assert [report.shots for report in adapted.classes] == [3, 3]
    assert all(0 < report.threshold < 1 for report in adapted.classes)


@pytest.mark.parametrize("name", EACH)
def test_the_exported_file_agrees_and_is_verified(base, make_support, tmp_path, name):
    adapted = adapt(base, make_support(2, "rocks"), learner(name), parent="traffic_sign")
    report = adapted.export(tmp_path / "rocks.onnx")
    assert report.parity.n_rows > 20
    assert report.manifest.bank.crop_dim == adapted.detector.bank.crop.weights.shape[1]
    assert verify_model(tmp_path / "rocks.onnx", provider="cpu").n_rows >= 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["maml", "siamese"])
def test_raw_scores_of_base_rows_do_not_move_by_a_bit(base, make_support, name):
    adapted = adapt(base, make_support(2, "rocks"), learner(name), parent="traffic_sign")
    crops = np.random.default_rng(0).random((8, 3, 64, 64), np.float32)
    (before,), (after,) = (
        session_of(level2_graph(network), 1).run(None, {"x": crops})
        for network in (base.level2, adapted.detector.level2)
    )
    dim, n_old = before.shape[1], len(base.bank.crop)
    np.testing.assert_array_equal(after[:, :dim], before)
    rows = adapted.detector.bank.crop.weights[:n_old]
    np.testing.assert_array_equal(after[:, :dim] @ rows[:, :dim].T, before @ rows[:, :dim].T)
    assert not (after[:, dim:] @ rows[:, dim:].T).any()


@pytest.mark.parametrize("name", EACH)
def test_the_same_support_gives_the_same_branch(base, make_support, name):
    support = make_support(2, "rocks")
    one, two = (adapt(base, support, learner(name), parent="traffic_sign") for _ in range(2))
    for key, value in one.detector.level2.state_dict().items():
        assert torch.equal(value, two.detector.level2.state_dict()[key]), key
    np.testing.assert_array_equal(one.detector.bank.crop.weights, two.detector.bank.crop.weights)
    assert one.classes == two.classes


@pytest.mark.parametrize("name", ["siamese", "matching"])
def test_held_out_shots_are_judged_by_a_branch_learnt_without_them(base, make_support, name):
    evidence = observe(base, make_support(3, "rocks"))
    learning = BranchLearning(base, built(name), evidence)
    full, part = learning.without(), learning.without(np.array([1]))
    widths = [there.evidence.boxes.embeddings.shape[1] for there in (full, part)]
    assert widths[0] == widths[1] + 1  # a column a shot
    assert part.base.bank.crop.weights.shape[1] == widths[1]
    assert len(part.evidence.boxes.embeddings) == 3


@pytest.mark.slow
def test_a_report_and_its_estimate_work_over_a_branch(base, make_support):
    for name in ("maml", "siamese"):
        adapted = adapt(base, make_support(2, "rocks"), learner(name), parent="traffic_sign")
        found = diagnose_support(adapted)
        assert all(-1.001 <= like.cosine <= 1.001 for like in found.likeness)
        assert [row.name for row in expected_ap50(adapted, adapted.record.frames_held)] == ["rocks"]


def test_an_inner_loop_never_ends_worse_than_it_starts(base, make_support):
    evidence = observe(base, make_support(4, "rocks", "ice"))
    nearer = {}
    for steps in (0, 10):
        plugin = built("maml", row_steps=steps)
        full = BranchLearning(base, plugin, evidence).without()
        rows = full.learner.fit(torch.nn.Identity(), full.evidence.embedded)
        logits = rows(full.evidence.embedded.images)
        labels = full.evidence.embedded.labels
        nearer[steps] = float(torch.nn.functional.cross_entropy(logits, labels))
    assert nearer[10] <= nearer[0] + 1e-6


@pytest.mark.slow
def test_a_detector_with_a_branch_takes_no_further_one(base, make_support, tmp_path):
    adapted = adapt(base, make_support(2, "rocks"), learner("maml"), parent="traffic_sign")
    with pytest.raises(InputError, match="has one already"):
        adapt(adapted.detector, make_support(2, "ice"), learner("maml"), parent="traffic_sign")


@pytest.mark.slow
def test_classes_are_added_to_a_file_with_an_adapted_layer(base, make_support, tmp_path):
    path = tmp_path / "rocks.onnx"
    first = adapt(base, make_support(2, "rocks"), learner("reptile"), parent="traffic_sign")
    first.export(path)
    restored = restore(base, path)
    crops = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(restored.level2(crops), first.detector.level2(crops))
    both = adapt(restored, make_support(2, "ice"), parent="traffic_sign")
    assert both.record.learner.name == "protonet"
    bank, dim = both.detector.bank, own_dim(base.level2)
    ice, rocks = (bank.crop.weights[bank.crop.owners == bank.index(n)] for n in ("ice", "rocks"))
    assert not ice[:, dim:].any()
    assert not rocks[:, :dim].any()
    np.testing.assert_allclose(np.linalg.norm(bank.crop.weights, axis=1), 1, atol=1e-5)
    both.export(tmp_path / "both.onnx")
    assert verify_model(tmp_path / "both.onnx", provider="cpu").n_rows >= 5


@pytest.mark.slow
def test_nothing_is_added_to_a_file_of_columns(base, make_support, tmp_path):
    path = tmp_path / "rocks.onnx"
    adapt(base, make_support(2, "rocks"), learner("siamese"), parent="traffic_sign").export(path)
    with pytest.raises(ModelFileError, match="novel branch of learner"):
        restore(base, path)


@pytest.mark.parametrize("name", ["reptile", "siamese"])
def test_hard_negatives_lie_where_new_rows_are_compared(base, make_support, name, monkeypatch):
    monkeypatch.setattr("drivemeta.adaptation.hard_negatives.ALIKE", -1.0)
    support = make_support(2, "rocks")
    adapted = adapt(base, support, learner(name), parent="traffic_sign", exhaustive=True)
    rows, dim = adapted.detector.bank.crop, own_dim(base.level2)
    np.testing.assert_allclose(np.linalg.norm(rows.weights, axis=1), 1, atol=1e-5)
    halves = np.stack([rows.weights[:, :dim].any(1), rows.weights[:, dim:].any(1)])
    assert (halves.sum(0) == 1).all()


def trained(base, plugin, path):
    """Write weights of another start."""
    start = Initialisation.of(replace(plugin, folder=None), base.level2).model()
    state = {key: value + 0.001 for key, value in start.state_dict().items()}
    learner_store.write(path, state, base.level2, {"learner": plugin.name})
    return state


def assert_starts_from(start, state):
    for key, value in start.model().state_dict().items():
        torch.testing.assert_close(value, state[key], atol=2e-3, rtol=1e-3)


def test_weights_beside_the_plugin_are_taken_if_they_are_of_this_level_2(base, tmp_path):
    plugin = replace(built("maml"), folder=tmp_path)
    state = trained(base, plugin, tmp_path / "weights.safetensors")
    assert_starts_from(Initialisation.of(plugin, base.level2), state)
    assert Initialisation.of(plugin, type(base.level2)().eval()).weights is None
    assert Initialisation.of(replace(plugin, folder=None), base.level2).weights is None


def test_each_learner_with_a_branch_ships_weights_for_the_base():
    level2 = load_base().level2
    for name in BRANCHES:
        start = Initialisation.of(built(name), level2)
        assert start.weights is not None, name
        assert start.replay


class Reptile:
    """A stranger's learner that is called as one of ours is."""

    has_branch, transductive = True, False

    def prepare(self, network, tasks):
        return network

    def meta_train(self, network, tasks, run): ...

    def logits(self, model, episode): ...

    def fit(self, network, support): ...


def test_a_stranger_does_not_get_the_weights_of_its_namesake():
    known = default_registry().identify("learner", Reptile())
    assert Initialisation.of(known, load_base().level2).weights is None


def test_a_learner_with_a_branch_that_cannot_be_prepared_is_told_what_it_lacks(base, make_support):
    class Half:
        has_branch = True

        def fit(self, network, support): ...

        def logits(self, model, episode): ...

    message = "learner half cannot .*: it lacks `prepare`, `meta_train`, `transductive`"
    with pytest.raises(InputError, match=message):
        adapt(base, make_support(1, "rocks"), Half(), parent="traffic_sign")


def test_weights_that_are_given_take_the_place_of_those_beside_the_plugin(
    base, make_support, tmp_path
):
    plugin, given = replace(built("maml"), folder=tmp_path), tmp_path / "mine.safetensors"
    state = trained(base, plugin, given)
    (tmp_path / "weights.safetensors").write_bytes(b"not read")
    assert_starts_from(Initialisation.of(plugin, base.level2, given), state)
    support = make_support(2, "rocks")
    rows = [
        adapt(base, support, "maml", parent="traffic_sign", learner_weights=path).detector.bank.crop
        for path in (given, None)
    ]
    assert not np.array_equal(rows[0].weights, rows[1].weights)


def test_weights_that_are_given_must_fit(base, make_support, tmp_path):
    path = tmp_path / "anil.safetensors"
    trained(base, built("anil"), path)
    with pytest.raises(ModelFileError, match="expected weights of learner maml, found those of an"):
        Initialisation.of(built("maml"), base.level2, path)
    with pytest.raises(ModelFileError, match="over another level 2 than the detector's"):
        Initialisation.of(built("anil"), type(base.level2)().eval(), path)
    with pytest.raises(ModelFileError, match=r"found no file at .*absent"):
        Initialisation.of(built("anil"), base.level2, tmp_path / "absent")
    with pytest.raises(InputError, match="learner protonet makes no branch"):
        adapt(base, make_support(2, "rocks"), "protonet", learner_weights=path)


def test_damaged_or_unfit_weights_are_told(base, tmp_path):
    plugin, path = replace(built("maml"), folder=tmp_path), tmp_path / "weights.safetensors"
    learner_store.write(path, {"x": torch.zeros(1)}, base.level2, {"learner": "maml"})
    with pytest.raises(ModelFileError, match="weights of maml do not fit"):
        Initialisation.of(plugin, base.level2).model()
    path.write_bytes(b"no safetensors")
    with pytest.raises(ModelFileError, match=r"weights in .*weights\.safetensors"):
        Initialisation.of(plugin, base.level2)


def test_replayed_base_classes_are_kept_apart(base, make_support, monkeypatch, tmp_path):
    path = tmp_path / "replay.safetensors"
    monkeypatch.setattr("drivemeta.adaptation.learner_weights.REPLAY_WEIGHTS", path)
    replay = {"signs": torch.rand(2, base.level2.project.in_features)}
    learner_store.write(path, replay, base.level2, {})
    assert Initialisation.of(built("maml"), base.level2).replay["signs"].dtype == torch.float32
    assert Initialisation.of(built("maml"), type(base.level2)().eval()).replay == {}
    evidence = observe(base, make_support(3, "rocks"))
    learning = BranchLearning(base, built("maml"), evidence)
    assert len(learning._task.replay) == 2
    rows = learning.without().learner
    dim = own_dim(base.level2)
    bank = NamedBank("traffic_sign", ("a", "b"), np.eye(2, dim, dtype=np.float32))
    placed = rows.widen("signs", bank, 2 * dim)
    assert not placed[:, :dim].any()
    np.testing.assert_allclose(np.linalg.norm(placed, axis=1), 1, atol=1e-5)
    beside = rows.widen("lights", bank, 2 * dim)
    np.testing.assert_array_equal(beside[:, :dim], bank.weights)


def test_second_moments_do_not_vanish_in_the_file(base, tmp_path):
    path, moments = tmp_path / "x.safetensors", torch.full((9,), 1e-9)
    learner_store.write(path, {"m": moments, "w": torch.ones(2)}, base.level2, {})
    read = learner_store.read(path).state
    torch.testing.assert_close(read["m"], moments, rtol=0.01, atol=0)


def test_shipped_weights_stay_small():
    folders = (REPLAY_WEIGHTS.parent, builtin_folder("plugins"))
    shipped = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
    assert sum(path.stat().st_size for path in shipped) <= 23e6


def test_what_a_learner_prepares_wrongly_is_told(base):
    class Unprepared(type(learner("maml"))):
        def prepare(self, network, tasks):
            return [network]

    start = Initialisation.of(default_registry().identify("learner", Unprepared()), base.level2)
    with pytest.raises(PluginError, match="expected `prepare` to give a Module, found a list"):
        start.model()


def test_a_branch_that_is_no_module_is_told(base, make_support):
    odd = learner("maml")

    class Odd(type(odd)):
        def fit(self, network, support):
            fitted = super().fit(network, support)
            fitted.novel_branch = lambda: "columns"
            return fitted

    with pytest.raises(PluginError, match="expected `novel_branch` to give a Module, found a str"):
        adapt(base, make_support(2, "rocks"), Odd(), parent="traffic_sign")
