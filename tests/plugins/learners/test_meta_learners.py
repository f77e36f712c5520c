"""All meta-learners: episodes as awkward as they come, and what each method's paper says."""

import sys
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from drivemeta.errors import ConfigError
from drivemeta.learn.episodes import Episode, Pairs, make_episode
from drivemeta.learn.metatrain_networks import Conv4
from drivemeta.plugins.protocols import MetaLearner, MetaState
from drivemeta.plugins.registry import default_registry

LEARNERS = ("anil", "maml", "matching", "metasgd", "protonet", "reptile", "siamese")
SHAPE = (1, 16, 16)  # the smallest that four halvings allow


class Tasks:
    """Draws real, learnable tasks: each class is a fixed picture with noise."""

    def __init__(self, n_way=3, n_shot=2, n_query=2, n_classes=8):
        self.n_way, self.n_shot, self.n_query = n_way, n_shot, n_query
        self.pictures = torch.rand(n_classes, *SHAPE, generator=torch.Generator().manual_seed(0))
        self.seek(0)

    def seek(self, iteration):
        self.generator = torch.Generator().manual_seed(iteration)

    def noisy(self, classes):
        noise = torch.rand(len(classes), *SHAPE, generator=self.generator)
        return 0.8 * self.pictures[classes] + 0.2 * noise

    def episode(self):
        classes = torch.randperm(len(self.pictures), generator=self.generator)[: self.n_way]
        labels = torch.arange(self.n_way)
        support = labels.repeat_interleave(self.n_shot)
        query = labels.repeat_interleave(self.n_query)
        images = self.noisy(classes[support]), self.noisy(classes[query])
        return Episode(images[0], support, images[1], query, self.n_way)

    def task(self):
        return self.episode()

    def pairs(self):
        left = torch.randint(len(self.pictures), (16,), generator=self.generator)
        other = torch.randint(1, len(self.pictures), (16,), generator=self.generator)
        same = torch.arange(16) < 8
        right = torch.where(same, left, (left + other) % len(self.pictures))
        return Pairs(self.noisy(left), self.noisy(right), same.float())


class Run:
    """The shortest run there can be: no files, no validation."""

    def __init__(self, n_iterations):
        self.n_iterations, self.progress = n_iterations, 0.0

    def train(self, model, loss, logits, optimizer=None):
        del logits
        optimizer = optimizer or torch.optim.Adam(model.parameters(), 0.003)
        model.train()
        for iteration in range(self.n_iterations):
            self.progress = iteration / self.n_iterations
            optimizer.zero_grad()
            value = loss()
            if value.requires_grad:
                value.backward()
            optimizer.step()
        self.model = model
        return MetaState(model.state_dict(), self.n_iterations, 0.0, ())


def siamese():
    """Return the module of the plugin."""
    return sys.modules[type(create("siamese")).__module__]


def create(name, **params):
    return default_registry().create("learner", name, **params)


def prepared(name, tasks=None, **params):
    torch.manual_seed(0)
    learner = create(name, **params)
    return learner, learner.prepare(Conv4(8), tasks or Tasks()).eval()


def trained(name, n_iterations=8, **params):
    torch.manual_seed(0)
    tasks, run = Tasks(), Run(n_iterations)
    learner = create(name, **params)
    learner.meta_train(Conv4(8), tasks, run)
    return learner, run.model


def small(name):
    return {"meta_batch": 3} if name in {"anil", "maml", "metasgd", "reptile"} else {}


@pytest.mark.parametrize("name", LEARNERS)
def test_it_is_a_meta_learner(name):
    assert isinstance(create(name), MetaLearner)


@pytest.mark.parametrize("name", LEARNERS)
def test_training_moves_weights_and_the_seed_repeats_it(name):
    (_, one), (_, two) = (trained(name, 2, **small(name)) for _ in range(2))
    _, start = prepared(name)
    assert any(not torch.equal(v, start.state_dict()[k]) for k, v in one.state_dict().items())
    for key, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[key]), key
        assert torch.isfinite(value).all(), key


@pytest.mark.parametrize("name", LEARNERS)
def test_it_learns(name):
    faster = {
        "reptile": {"inner_lr": 0.02, "n_test_steps": 10},
        "metasgd": {"highest_rate": 0.8},
    }
    params = faster.get(name, {})
    learner, model = trained(name, 25, **small(name), **params)
    model.eval()
    tasks = Tasks(n_query=5)
    tasks.seek(999)
    episodes = [tasks.episode() for _ in range(10)]
    with torch.no_grad():
        right = [learner.logits(model, e).argmax(1) == e.query_labels for e in episodes]
    assert torch.cat(right).float().mean() > 0.75


AWKWARD = {
    "labels with gaps": ([5, 90, 90, -3], [90, 5]),
    "one class": ([4, 4], [4]),
    "one shot": ([0, 1, 2], [2, 1, 0]),
    "unequal shots": ([0, 0, 0, 0, 1], [1, 0]),
    "a class with no query": ([0, 1, 2, 2], [1, 1]),
    "no query at all": ([0, 1], []),
}


@pytest.mark.parametrize("case", AWKWARD)
@pytest.mark.parametrize("name", LEARNERS)
def test_awkward_episodes(name, case):
    support, query = (torch.tensor(labels, dtype=torch.int64) for labels in AWKWARD[case])
    images = torch.rand(len(support), *SHAPE), torch.rand(len(query), *SHAPE)
    episode = make_episode(images[0], support, images[1], query)
    learner, model = prepared(name, Tasks(n_way=episode.n_way))
    with torch.no_grad():
        logits = learner.logits(model, episode)
    assert logits.shape == (len(query), episode.n_way)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_inductive_queries_do_not_see_each_other(name):
    learner, model = prepared(name)
    e = Tasks(n_query=4).episode()
    alone = Episode(e.support, e.support_labels, e.query[:1], e.query_labels[:1], e.n_way)
    with torch.no_grad():
        together, single = learner.logits(model, e)[:1], learner.logits(model, alone)
        torch.testing.assert_close(together, single, atol=1e-4, rtol=1e-4)
        transductive = create(name, transductive=True)
        assert not torch.allclose(
            transductive.logits(model, e)[:1], transductive.logits(model, alone), atol=1e-5
        )


@pytest.mark.parametrize("name", LEARNERS)
def test_an_episode_leaves_the_model_as_it_was(name):
    learner, model = prepared(name)
    before = deepcopy(model.state_dict())
    with torch.no_grad():
        learner.logits(model, Tasks().episode())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_maml_vectorised_has_the_same_gradients():
    gradients = []
    for vectorised in (False, True):
        torch.manual_seed(0)
        network, run = nn.Sequential(nn.Flatten(), nn.Linear(256, 8), nn.Tanh()), Run(1)
        create("maml", meta_batch=2, vectorised=vectorised).meta_train(network, Tasks(), run)
        gradients.append({key: value.grad for key, value in run.model.named_parameters()})
    for key, value in gradients[0].items():
        assert value.abs().sum() > 0
        torch.testing.assert_close(value, gradients[1][key], atol=1e-6, rtol=1e-4)


def test_maml_vectorised_refuses_batch_norm():
    with pytest.raises(ConfigError, match="without batch norm"):
        trained("maml", 1, vectorised=True)


def test_gradients_of_maml_through_batch_norm_are_those_of_finite_differences():
    torch.manual_seed(0)
    learner = create("maml", inner_lr=0.4, n_steps=2)
    model = learner.prepare(Conv4(4), Tasks()).double().train()
    episode = Tasks().episode()
    episode = replace(episode, support=episode.support.double(), query=episode.query.double())
    weights = model.embedding.blocks[0].convolution.weight

    def loss():
        return F.cross_entropy(learner.logits(model, episode), episode.query_labels)

    loss().backward()
    for index in (0, 13, 30):
        values = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                weights.view(-1)[index] += step
                values.append(loss().item())
                weights.view(-1)[index] -= step
        slope = (values[0] - values[1]) / 2e-6
        assert slope == pytest.approx(weights.grad.view(-1)[index].item(), rel=1e-4, abs=1e-8)


def test_the_inner_loop_of_maml_moves_the_embedding_from_the_start():
    _, model = prepared("maml")
    e = Tasks().episode()
    logits = model(e.support, len(e.support))
    F.cross_entropy(logits, e.support_labels).backward()
    assert model.embedding.blocks[0].convolution.weight.grad.abs().sum() > 0


def test_more_steps_of_maml_fit_the_support_better():
    e = Tasks().episode()
    on_itself = Episode(e.support, e.support_labels, e.support, e.support_labels, e.n_way)
    losses = []
    for n_steps in (0, 1, 5):
        learner, model = prepared("maml", inner_lr=0.1, n_test_steps=n_steps)
        with torch.no_grad():
            logits = learner.logits(model, on_itself)
        losses.append(float(F.cross_entropy(logits, e.support_labels)))
    assert losses[0] > losses[1] > losses[2]


def test_anil_trains_the_embedding_but_adapts_the_head_alone():
    learner, model = trained("anil", 3, meta_batch=2)
    fresh = prepared("anil")[1]
    weights = "embedding.blocks.0.convolution.weight"
    assert not torch.equal(model.state_dict()[weights], fresh.state_dict()[weights])
    e = Tasks().episode()
    one, two = (learner.logits(m, e) for m in (model, deepcopy(model)))
    torch.testing.assert_close(one, two)


def test_metasgd_learns_its_rates():
    _, start = prepared("metasgd")
    _, after = trained("metasgd", 5, meta_batch=2)
    for before, learnt in zip(start.rates, after.rates, strict=True):
        assert ((before >= 0.005) & (before <= 0.1)).all()
        assert not torch.equal(before, learnt)


def test_reptile_with_one_step_is_joint_sgd():
    tasks, rate = Tasks(n_way=3, n_shot=3), 0.05
    params = {"inner_lr": rate, "n_steps": 1, "inner_batch": 99, "optimizer": "sgd"}
    learner = create("reptile", **params, meta_batch=4)
    torch.manual_seed(0)
    network = Conv4(8)
    joint = learner.prepare(deepcopy(network), tasks).headed
    nn.init.normal_(joint.head.weight)
    start = deepcopy(joint.state_dict())
    tasks.seek(5)
    optimizer = torch.optim.SGD(joint.parameters(), rate)
    drawn = [tasks.task() for _ in range(4)]
    losses = [F.cross_entropy(joint(t.support, len(t.support)), t.support_labels) for t in drawn]
    torch.stack(losses).mean().backward()
    optimizer.step()

    tasks.seek(5)
    run = Run(1)
    prepare = learner.prepare

    def from_start(given, source):
        model = prepare(given, source)
        model.headed.load_state_dict(start)
        tasks.seek(5)
        return model

    learner.prepare = from_start
    learner.meta_train(network, tasks, run)
    for key, value in joint.named_parameters():
        torch.testing.assert_close(run.model.headed.state_dict()[key], value, atol=1e-6, rtol=1e-4)


def test_reptiles_optimizer_goes_on_from_task_to_task_and_is_stored():
    learner, model = trained("reptile", 2, meta_batch=3, n_steps=4)
    assert int(model.state_dict()["state.n_steps"]) == 2 * 3 * 4
    assert model.state_dict()["state.moment0"].abs().sum() > 0
    del learner


def test_reptile_serial_differs_from_batched():
    (_, serial), (_, batched) = (trained("reptile", 2, meta_batch=n) for n in (1, 4))
    key = "headed.head.weight"
    assert not torch.equal(serial.state_dict()[key], batched.state_dict()[key])


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


def test_siamese_learns_from_all_pairs_of_a_task():
    learner, model = trained("siamese", 25, pairs="task")
    model.eval()
    e = Tasks(n_query=5).episode()
    assert (learner.logits(model, e).argmax(1) == e.query_labels).float().mean() > 0.75


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
