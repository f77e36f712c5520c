"""Adaptation on a random base: what is added, what stays, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.learner_choice import learner_for
from drivemeta.errors import InputError, PluginNotFoundError
from drivemeta.plugins import default_registry
from tests.helpers.plugins import LEARNER, write_plugin


@pytest.fixture
def base(lively_detector):
    return lively_detector


def test_new_classes_join_the_bank(base, make_support):
    adapted = adapt(base, make_support(3, "rocks", "ice"), parent="traffic_sign")
    bank = adapted.detector.bank
    for name in ("rocks", "ice"):
        spec = bank.classes[bank.index(name)]
        assert (spec.parent, spec.origin, spec.shots) == ("traffic_sign", "novel", 3)
        assert not spec.low_confidence
        assert 0 < spec.threshold < 1
        assert (bank.crop.owners == bank.index(name)).any()
    norms = np.linalg.norm(bank.crop.weights, axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-5)
    assert [report.name for report in adapted.classes] == ["rocks", "ice"]
    assert all(report.shots == 3 for report in adapted.classes)
    assert adapted.record.learner.name == "protonet"
    assert adapted.record.seconds > 0


def test_classes_are_learnt_at_the_input_size_wanted(base, make_support):
    own = tuple(replace(spec, origin="base") for spec in base.bank.classes)
    base = base.with_(bank=replace(base.bank, classes=own))
    adapted = adapt(base, make_support(2, "rocks"), parent="traffic_sign", input_size=(64, 128))
    assert adapted.detector.input_size == (64, 128)
    assert base.input_size != (64, 128)
    with pytest.raises(InputError, match="multiples of 64, found 60x128"):
        adapt(base, make_support(2, "rocks"), input_size=(60, 128))


def test_what_was_learnt_prints_itself_in_a_few_lines(base, make_support):
    adapted = adapt(base, make_support(2, "rocks", "ice"), parent="traffic_sign")
    first, rocks, _ice = str(adapted).splitlines()
    assert first.startswith("adapted by protonet in")
    assert rocks.startswith("rocks: a kind of traffic_sign, 2 shots, threshold 0.")
    assert len(repr(adapted)) < 1000
    assert len(repr(adapted.record)) < 1000
    said = repr(adapted.record.support)
    assert said.startswith("SupportSet(")
    assert said.endswith("4 images, boxes: rocks 2, ice 2)")


def test_the_base_is_left_as_it_was(base, make_support):
    bank, state = base.bank, {k: v.clone() for k, v in base.state_dict().items()}
    adapted = adapt(base, make_support(2, "rocks"), parent="traffic_sign")
    assert base.bank is bank
    assert "rocks" not in base.bank.names
    for key, value in base.state_dict().items():
        assert torch.equal(value, state[key]), key
    n_dense, n_crop = len(bank.dense), len(bank.crop)
    for level, n in (("dense", n_dense), ("crop", n_crop)):
        old, new = getattr(bank, level), getattr(adapted.detector.bank, level)
        np.testing.assert_array_equal(new.weights[:n], old.weights)
        np.testing.assert_array_equal(new.biases[:n], old.biases)


def test_one_shot_is_flagged(base, make_support):
    adapted = adapt(base, make_support(1, "rocks"), parent="traffic_sign")
    assert adapted.classes[0].low_confidence


def test_a_known_class_is_extended(base, make_support):
    adapted = adapt(base, make_support(2, "traffic_light"))
    bank = adapted.detector.bank
    assert bank.names == base.bank.names
    added = len(bank.dense) - len(base.bank.dense)
    assert added == 1
    assert bank.dense.owners[-1] == bank.index("traffic_light")


def test_the_same_support_gives_the_same_bank(base, make_support):
    support = make_support(2, "rocks")
    one, two = (adapt(base, support, parent="traffic_sign").detector.bank for _ in range(2))
    np.testing.assert_array_equal(one.crop.weights, two.crop.weights)
    assert one.classes == two.classes


def test_a_learner_with_parameters_of_its_own(base, make_support):
    learner = default_registry().create("learner", "protonet", n_background=1)
    adapted = adapt(base, make_support(2, "rocks"), learner, parent="traffic_sign")
    assert adapted.record.learner.params["n_background"] == 1


def test_every_learner_is_given_embeddings_however_it_calls_itself(base, make_support):
    shapes = []

    class Wants(default_registry().load("learner", "protonet")):
        needs_images = True

        def fit(self, network, support):
            shapes.append(support.images.ndim)
            return super().fit(network, support)

    adapt(base, make_support(2, "rocks"), Wants(), parent="traffic_sign")
    assert set(shapes) == {2}


def test_settings_reach_the_learner_that_is_named_or_chosen(base, make_support):
    for learner in ("protonet", None):
        settings = {"protonet": {"n_background": "1"}}
        support = make_support(2, "rocks")
        adapted = adapt(base, support, learner, parent="traffic_sign", settings=settings)
        assert adapted.record.learner.params["n_background"] == 1


def test_settings_that_no_learner_takes_are_refused(base, make_support):
    support = make_support(1, "rocks")
    with pytest.raises(InputError, match="'reptile' has no part in this run"):
        adapt(base, support, "protonet", settings={"reptile": {"row_steps": 1}})
    with pytest.raises(InputError, match="did you mean 'n_background'"):
        adapt(base, support, "protonet", settings={"protonet": {"n_backgroud": 1}})
    built = default_registry().create("learner", "protonet")
    with pytest.raises(InputError, match="expected a learner by name"):
        adapt(base, support, built, settings={"protonet": {"n_background": 1}})


def test_a_learner_is_found_in_the_registry_that_is_given(base, make_support, tmp_path):
    manifest = {"kind": "learner", "entry": "module:Mine", "version": "3"}
    write_plugin(tmp_path / "learners" / "mine", LEARNER, **manifest)
    registry = default_registry([tmp_path])
    support = make_support(2, "rocks")
    for learner in ("mine", registry.create("learner", "mine")):
        adapted = adapt(base, support, learner, parent="traffic_sign", registry=registry)
        assert (adapted.record.learner.name, adapted.record.learner.version) == ("mine", "3")
    with pytest.raises(PluginNotFoundError):
        adapt(base, support, "mine")


class Keeper(default_registry().load("learner", "protonet")):
    """A learner that keeps a tensor, an array and a generator on itself."""

    def __init__(self, n_background: int = 4) -> None:
        super().__init__(n_background=n_background)
        self.centre, self.seen = torch.ones(3), np.ones(2)
        self.random = torch.Generator()


def test_the_file_holds_the_parameters_of_a_learner_and_nothing_else_it_keeps(
    base, make_support, tmp_path
):
    adapted = adapt(base, make_support(2, "rocks"), Keeper(2), parent="traffic_sign")
    learner = adapted.export(tmp_path / "rocks.onnx").manifest.learner
    assert (learner.name, learner.params) == ("keeper", {"n_background": 2})


def test_the_file_names_a_learner_alike_whether_it_was_named_or_given(base, make_support, tmp_path):
    given = ("protonet", default_registry().create("learner", "protonet"))
    said = [
        adapt(base, make_support(2, "rocks"), learner, parent="traffic_sign")
        .export(tmp_path / "rocks.onnx")
        .manifest.learner
        for learner in given
    ]
    assert said[0] == said[1]
    assert said[0].name == "protonet"
    assert said[0].params["shots_per_prototype"] == 6


def test_an_odd_class_is_asked_about_unless_its_super_class_was_given(
    base, make_support, monkeypatch
):
    asked = []
    monkeypatch.setattr(
        "drivemeta.adaptation.parent_choice.odd_beside",
        lambda *given: asked.append(given) or "is it?",
    )
    support = make_support(1, "rocks", "bump")
    found = adapt(base, support, "protonet")
    assert [row.reason.endswith("; is it?") for row in found.classes] == [True, True]
    names, parents, label, seen = asked[1]
    assert (names, parents, label) == (support.classes, found.record.parents, 1)
    assert set(seen) <= set(base.bank.names)
    given = adapt(base, support, "protonet", parent="traffic_sign")
    assert not any("is it?" in row.reason for row in given.classes)


def test_an_unknown_parent_suggests_the_nearest(base, make_support):
    with pytest.raises(InputError, match=r"--parent trafic_sign: .* did you mean 'traffic_sign'"):
        adapt(base, make_support(1, "rocks"), parent="trafic_sign")


def test_an_unknown_learner_suggests_the_nearest(base, make_support):
    with pytest.raises(PluginNotFoundError, match="did you mean 'protonet'"):
        adapt(base, make_support(1, "rocks"), "protonte")


@pytest.mark.parametrize(("shots", "name"), [(1, "protonet"), (9, "protonet"), (10, "reptile")])
def test_the_learner_is_chosen_by_the_shots(make_support, shots, name):
    support = make_support(shots, "rocks", "ice")
    assert learner_for(support) == name
    assert learner_for(support, extensible=True) == "protonet"


def test_what_was_adapted_before_stays_extensible(base, make_support):
    adapted = adapt(base, make_support(5, "rocks"), parent="traffic_sign")
    assert adapted.record.learner.name == "protonet"  # the fixture has novel leaves
