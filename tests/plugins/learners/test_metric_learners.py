"""What the papers of the metric learners say: prototypical, matching and Siamese networks."""

import sys

import pytest
import torch
from torch.nn import functional as F

from tests.helpers.meta_tasks import Tasks, create, prepared, trained


def siamese():
    """Return the module of the plugin."""
    return sys.modules[type(create("siamese")).__module__]


def test_protonet_by_euclid_is_the_closed_form():
    learner, network = prepared("protonet")
    e = Tasks().episode()
    with torch.no_grad():
        logits = learner.logits(network, e)
        support, query = network(e.support), network(e.query)
        means = torch.stack([support[e.support_labels == c].mean(0) for c in range(e.n_way)])
        torch.testing.assert_close(logits, -(torch.cdist(query, means) ** 2), atol=1e-4, rtol=1e-4)
        cosine = create("protonet", distance="cosine", scale=3.0).logits(network, e)
    expected = 3 * F.cosine_similarity(query[:, None], means, dim=-1)
    torch.testing.assert_close(cosine, expected, atol=1e-5, rtol=1e-4)


def test_matching_attends_by_cosine():
    learner, model = prepared("matching")
    e = Tasks().episode()
    with torch.no_grad():
        likelihood = learner.logits(model, e).exp()
        support, query = model.network(e.support), model.network(e.query)
    attention = F.cosine_similarity(query[:, None], support, dim=-1).softmax(1)
    expected = attention @ F.one_hot(e.support_labels, e.n_way).float()
    torch.testing.assert_close(likelihood, expected)
    torch.testing.assert_close(likelihood.sum(1), torch.ones(len(query)))


def test_the_attention_of_matching_is_as_sharp_as_its_scale():
    learner, model = prepared("matching", scale=7.0)
    e = Tasks().episode()
    with torch.no_grad():
        likelihood = learner.logits(model, e).exp()
        support, query = model.network(e.support), model.network(e.query)
    attention = (7 * F.cosine_similarity(query[:, None], support, dim=-1)).softmax(1)
    expected = attention @ F.one_hot(e.support_labels, e.n_way).float()
    torch.testing.assert_close(likelihood, expected)
    plain = create("matching").logits(model, e).exp()
    assert likelihood.max() > plain.max() + 0.01


def test_what_full_context_reads_is_added_to_each_embedding():
    _, model = prepared("matching", full_context=True)
    support, query = torch.rand(4, 8), torch.rand(2, 8)
    with torch.no_grad():
        context, read = model.context(support, query)
        assert not torch.allclose(context, support)
        assert not torch.allclose(read, query)
        for lstm in (model.context.over_support, model.context.of_query):
            for weights in lstm.parameters():  # an LSTM of zeros says nothing
                weights.zero_()
        context, read = model.context(support, query)
    torch.testing.assert_close(context, support)
    torch.testing.assert_close(read, query)


def test_full_context_depends_on_the_whole_support():
    learner, model = prepared("matching", full_context=True)
    support, query = torch.rand(4, 8), torch.rand(2, 8)
    context, read = model.context(support, query)
    assert context.shape == support.shape
    assert read.shape == query.shape
    changed = support.clone()
    changed[3] += 1
    assert not torch.allclose(model.context(changed, query)[0][0], context[0])
    assert not torch.allclose(model.context(changed, query)[1], read)
    assert learner.logits(model, Tasks().episode()).shape == (6, 3)


@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_siamese_takes_the_class_of_the_best_pair(distance):
    learner, model = prepared("siamese", distance=distance)
    e = Tasks().episode()
    with torch.no_grad():
        logits = learner.logits(model, e)
        support, query = model.network(e.support), model.network(e.query)
        gaps = (query[:, None] - support).abs()
        far = gaps.sum(-1) if distance == "l1" else gaps.norm(dim=-1)
    nearest = e.support_labels[far.argmin(1)]
    assert torch.equal(logits.argmax(1), nearest)


@pytest.mark.parametrize("signs", ["of both signs", "all negative"])
@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_siamese_scores_all_pairs_at_once_as_it_does_one_by_one(distance, signs):
    torch.manual_seed(0)
    score = siamese().PairScore(6, distance)
    if signs == "of both signs":
        with torch.no_grad():
            score.weights.add_(torch.randn_like(score.weights))
    left, right = torch.randn(4, 6, requires_grad=True), torch.randn(3, 6, requires_grad=True)
    wanted = [left, right, score.weights, score.bias]
    at_once, one_by_one = score.of_all(left, right), score(left[:, None], right[None])
    torch.testing.assert_close(at_once, one_by_one)
    for ours, theirs in zip(
        torch.autograd.grad(at_once.tanh().sum(), wanted),
        torch.autograd.grad(one_by_one.tanh().sum(), wanted),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("pairs", ["task", "ranked"])
def test_siamese_learns_from_all_pairs_of_a_task(pairs):
    learner, model = trained("siamese", 25, pairs=pairs)
    model.eval()
    e = Tasks(n_query=5).episode()
    assert (learner.logits(model, e).argmax(1) == e.query_labels).float().mean() > 0.75


@pytest.mark.parametrize(("pairs", "start"), [("draw", -4.0), ("task", -4.0), ("ranked", -100.0)])
def test_siamese_starts_at_the_scale_of_its_loss(pairs, start):
    _, model = prepared("siamese", pairs=pairs)
    assert model.score.weights.sum().item() == pytest.approx(start)


def test_siamese_ranks_the_pairs_of_each_image():
    scores = torch.tensor([[9.0, 1.0, 0.0], [1.0, 9.0, 2.0], [0.0, 2.0, 9.0]])
    loss = siamese().ranking_loss(scores, torch.tensor([4, 4, 7]))  # the third has no other
    of_first = F.cross_entropy(torch.tensor([1.0, 0.0]), torch.tensor(0))
    of_second = F.cross_entropy(torch.tensor([1.0, 2.0]), torch.tensor(0))
    torch.testing.assert_close(loss, (of_first + of_second) / 2)


def test_siamese_weighs_both_kinds_of_pairs_alike():
    score = torch.tensor([2.0, -1.0, -1.0, 3.0], requires_grad=True)
    same = torch.tensor([True, False, False, False])
    loss = siamese().balanced_cross_entropy(score, same)
    right, wrong = F.softplus(torch.tensor(-2.0)), F.softplus(torch.tensor([-1.0, -1.0, 3.0]))
    torch.testing.assert_close(loss, (right + wrong.mean()) / 2)


def test_siamese_learns_a_weight_for_each_dimension():
    _, model = trained("siamese", 10)
    assert model.score.weights.shape == (8,)
    assert model.score.weights.std() > 0
    _, model = trained("siamese", 2, distance="l2")
    assert model.score.weights.shape == (1,)
