"""Inner loops over level 2's last layer: they fit the shots, and take back what made them worse."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from drivemeta.plugins.learner.adapted_layer import fit_layer
from drivemeta.plugins.learner.heads import RowHeaded
from drivemeta.plugins.learner.inner_loop import descend
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.plugins.learner.means import class_means

N_FEATURES, DIM = 30, 8


def task(n_shots=4, seed=0, n_negatives=10):
    """Classes that differ in a few of many noisy features."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(3).repeat_interleave(2 * n_shots)
    centres = torch.zeros(3, N_FEATURES)
    centres[:, :3] = 2 * torch.eye(3)
    features = centres[labels] + torch.randn(len(labels), N_FEATURES, generator=random)
    negatives = torch.randn(n_negatives, N_FEATURES, generator=random) - 2
    replay = torch.randn(5, N_FEATURES, generator=random) + 2
    shots = torch.arange(3 * n_shots).repeat_interleave(2)
    return LabelledImages(features, labels, shots, ("a", "b", "c"), negatives, replay)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return RowHeaded(LastLayer(N_FEATURES, DIM))


def loop(rate, n_steps):
    return lambda loss, params: descend(loss, params, rate, n_steps, first_order=True)


def loss_of(classifier, support):
    with torch.no_grad():
        return float(F.cross_entropy(classifier(support.images), support.labels))


def test_steps_fit_the_shots_and_leave_the_model(model):
    support, before = task(), deepcopy(model.state_dict())
    losses = [
        loss_of(fit_layer(model, support, loop(0.02, n), loop(0.02, 0)), support) for n in (0, 20)
    ]
    assert losses[1] < losses[0]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_steps_that_diverge_are_taken_back(model):
    support = task()
    plain = fit_layer(model, support, loop(0.0, 1), loop(0.0, 1))
    wild = fit_layer(model, support, loop(1e4, 5), loop(0.0, 1))
    assert loss_of(wild, support) <= loss_of(plain, support) + 0.05


def test_steps_move_new_classes_away_from_replayed_ones(model):
    support, nearness = task(), {}
    for n_steps in (0, 20):
        classifier = fit_layer(model, support, loop(0.02, n_steps), loop(0.02, 0))
        rows = torch.from_numpy(classifier.as_bank().weights[:3])
        placed = torch.from_numpy(classifier.distractors(support.replay))
        nearness[n_steps] = float((placed @ rows.T).amax(1).mean())
    assert nearness[20] < nearness[0]


def test_what_is_left_out_is_not_learnt_from(model):
    support = task()
    whole, part = (
        fit_layer(model, given, loop(0.02, 10), loop(0.02, 5))
        for given in (support, support.without_shots(torch.tensor([0, 5]).numpy()))
    )
    assert not torch.equal(whole.layer.project.weight, part.layer.project.weight)


@pytest.mark.parametrize("n_negatives", [0, 10])
def test_one_shot_and_no_background(model, n_negatives):
    support = task(1, n_negatives=n_negatives)
    classifier = fit_layer(model, support, loop(0.02, 5), loop(0.02, 5))
    assert classifier(support.images).shape == (6, 3)
    assert torch.isfinite(classifier(support.images)).all()


def test_many_features_of_a_base_class_are_replayed_as_one_class(model):
    """Labelled replay keeps its classes apart from the new ones, and weighs as one of each did."""
    given, random = task(), torch.Generator().manual_seed(1)
    kinds = torch.arange(2).repeat_interleave(50)
    centres = torch.zeros(2, N_FEATURES)
    centres[:, 3:5] = 2 * torch.eye(2)
    replay = centres[kinds] + torch.randn(100, N_FEATURES, generator=random)
    rows = []
    labelled = replace(given, replay=replay, replay_labels=kinds + 7)  # any numbers

    def watching(loss, params):
        rows.append(len(params["rows"]))
        return descend(loss, params, 0.3, 20, first_order=True)

    for support in (replace(labelled, replay=None, replay_labels=None), labelled):
        layer = fit_layer(model, support, watching, loop(0, 0)).layer
        with torch.no_grad():
            shots = class_means(layer(given.images), given.labels, 3)
            own, others = class_means(layer(replay), kinds, 2)[kinds], layer(replay)
            rows.append(float(((others @ shots.T).amax(1) - (others * own).sum(1)).mean()))
    assert rows[2] == rows[0] + 2
    assert rows[3] < rows[1] - 0.1  # what ships is told from the shots
