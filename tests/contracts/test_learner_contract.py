"""What every learner keeps to."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.adaptation.learner_weights import FeatureTasks
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.plugins.learner.protocol import (
    BranchClassifier,
    BranchLearner,
    ClassRows,
    MetaLearner,
    meta_learner,
)

KIND = "learner"
NAMES = ("disc", "bars", "ramp")
DIM = 24


class Embedding(nn.Module):
    """A small real network: one layer of random filters, pooled, and a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv2d(3, 12, 7, stride=4)
        self.norm = nn.BatchNorm2d(12)
        self.project = nn.Linear(12 * 16, DIM)

    def forward(self, images: Tensor) -> Tensor:
        features = F.adaptive_avg_pool2d(F.relu(self.norm(self.filters(images))), 4)
        return F.normalize(self.project(features.flatten(1)), dim=-1)


class Features40(nn.Module):
    """Forty features of a picture: means of its channels over places, by a fixed mixture."""

    def of(self, part: LabelledImages) -> LabelledImages:
        images, negatives = map(self, (part.images, part.negatives))
        return replace(part, images=images, negatives=negatives)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        mixture = torch.randn(3 * 16, 40, generator=torch.Generator().manual_seed(0))
        return F.relu(F.adaptive_avg_pool2d(images, 4).flatten(1) @ mixture)


def draw(label: int, generator: torch.Generator) -> Tensor:
    """Return a (3, 64, 64) picture of a toy class: another colour and pattern each, noisy."""
    ys, xs = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    shift = torch.rand(2, generator=generator) * 0.2
    pattern = (
        ((xs - shift[0]) ** 2 + (ys - shift[1]) ** 2 < 0.4).float(),
        (((xs + shift[0]) * 6).sin() > 0).float(),
        (ys + 1 + shift[0]) / 2,
        torch.full_like(xs, 0.2),
    )[label]
    image = torch.zeros(3, 64, 64)
    image[label % 3] = pattern
    return (image + 0.1 * torch.rand(3, 64, 64, generator=generator)).clamp(0, 1)


def task(n_shots: int = 5, n_views: int = 3, seed: int = 0, n_negatives: int = 8):
    generator = torch.Generator().manual_seed(seed)
    n = len(NAMES) * n_shots
    labels = torch.arange(len(NAMES)).repeat_interleave(n_shots * n_views)
    images = torch.stack([draw(int(label), generator) for label in labels])
    negatives = [draw(3, generator) for _ in range(n_negatives)]
    return LabelledImages(
        images,
        labels,
        torch.arange(n).repeat_interleave(n_views),
        NAMES,
        torch.stack(negatives) if negatives else torch.zeros(0, 3, 64, 64),
    )


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return Embedding().eval()


@torch.no_grad()
def accuracy(classifier: nn.Module, queries: LabelledImages) -> float:
    logits = classifier(queries.images)
    assert logits.shape == (len(queries.images), queries.n_way)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()
    return float((logits.argmax(1) == queries.labels).float().mean())


@pytest.mark.parametrize(("n_shots", "least"), [(1, 0.8), (5, 0.95)])
def test_separable_classes_are_learnt(create, network, n_shots, least):
    classifier = create().fit(network, task(n_shots)).eval()
    assert isinstance(classifier, nn.Module)
    assert accuracy(classifier, task(20, 1, seed=1)) >= least


def test_the_network_is_left_as_it_was(create, network):
    before = deepcopy(network.state_dict())
    gradients = [p.requires_grad for p in network.parameters()]
    classifier = create().fit(network, task())
    classifier(task().images)
    assert not network.training
    assert [p.requires_grad for p in network.parameters()] == gradients
    assert all(p.grad is None for p in network.parameters())
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_the_support_set_is_left_as_it_was(create, network):
    support = task()
    images, negatives = support.images.clone(), support.negatives.clone()
    create().fit(network, support)
    assert torch.equal(support.images, images)
    assert torch.equal(support.negatives, negatives)


def test_learning_twice_gives_the_same(create, network):
    learner = create()
    one, two = (learner.fit(network, task()).eval() for _ in range(2))
    with torch.no_grad():
        torch.testing.assert_close(one(task(2).images), two(task(2).images))


def test_no_negatives_are_accepted(create, network):
    classifier = create().fit(network, task(n_negatives=0)).eval()
    assert accuracy(classifier, task(10, 1, seed=1)) > 0.9


def test_embeddings_are_accepted_with_the_identity(create, network):
    with torch.no_grad():
        support = task()
        embedded = replace(
            support, images=network(support.images), negatives=network(support.negatives)
        )
        queries = replace(task(10, 1, seed=1), images=network(task(10, 1, seed=1).images))
    assert accuracy(create().fit(nn.Identity(), embedded).eval(), queries) > 0.9


def test_state_survives_saving_and_loading(create, network):
    one = create().fit(network, task(seed=0)).eval()
    two = create().fit(network, task(seed=7)).eval()
    two.load_state_dict(one.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(two(task(2).images), one(task(2).images))


def test_rows_are_unit_vectors_of_known_owners(create, network):
    classifier = create().fit(network, task())
    rows, branch = classifier.as_bank(), classifier.novel_branch()
    assert isinstance(rows, ClassRows)
    weights = np.asarray(rows.weights)
    assert weights.dtype == np.float32
    with torch.no_grad():
        assert weights.shape[1] == (branch(task().images).shape[1] if branch else DIM)
    np.testing.assert_allclose(np.linalg.norm(weights, axis=1), 1, atol=1e-5)
    assert np.asarray(rows.biases).shape == np.asarray(rows.owners).shape == (len(weights),)
    owners = set(np.asarray(rows.owners).tolist())
    assert set(range(len(NAMES))) <= owners <= {-1, *range(len(NAMES))}


def test_rows_name_what_the_classifier_names(create, network):
    classifier = create().fit(network, task()).eval()
    rows, branch = classifier.as_bank(), classifier.novel_branch()
    queries = task(10, 1, seed=1)
    with torch.no_grad():
        columns = (branch or network)(queries.images).numpy()
        cosines = columns @ rows.weights.T - rows.biases
        cosines[:, np.asarray(rows.owners) < 0] = -np.inf
        expected = classifier(queries.images).argmax(1).numpy()
    assert (rows.owners[cosines.argmax(1)] == expected).mean() > 0.95


def test_a_novel_branch_is_a_module_and_only_of_learners_that_say_so(create, network):
    learner = create()
    branch = learner.fit(network, task()).novel_branch()
    if branch is not None:
        assert isinstance(learner, BranchLearner)
        assert learner.has_branch
        assert isinstance(branch, nn.Module)


def test_a_learner_that_can_be_meta_trained_says_how_queries_are_normalised(create):
    learner = create()
    if not hasattr(learner, "meta_train"):
        pytest.skip("cannot be meta-trained")
    assert isinstance(meta_learner(learner, "it"), MetaLearner)
    assert learner.transductive is False


def test_a_learner_with_a_branch_learns_over_level_2s_last_layer(create):
    learner = create()
    if not (isinstance(learner, BranchLearner) and learner.has_branch):
        pytest.skip("has no branch")
    torch.manual_seed(0)
    layer, features = LastLayer(40, DIM), Features40()
    support, queries = (features.of(part) for part in (task(), task(10, 1, seed=1)))
    model = learner.prepare(layer, FeatureTasks(40)).eval()
    before = deepcopy(model.state_dict())
    classifier = learner.fit(model, support)
    assert isinstance(classifier, BranchClassifier)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    branch = classifier.novel_branch()
    with torch.no_grad():
        columns = branch(queries.images)
    given = replace(support, images=branch(support.images), negatives=branch(support.negatives))
    rows = classifier.rows_for(replace(given, images=given.images.detach()))
    named = rows.owners[(columns.numpy() @ rows.weights.T)[:, rows.owners >= 0].argmax(1)]
    assert (named == queries.labels.numpy()).mean() > 0.9
    placed = classifier.distractors(support.images[:2])
    assert placed is None or placed.shape == (2, columns.shape[1])
    traced = torch.jit.trace(branch, (queries.images,))
    torch.testing.assert_close(traced(queries.images[:3]), columns[:3])
