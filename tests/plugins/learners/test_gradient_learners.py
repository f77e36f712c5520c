"""What the papers of the gradient learners say: MAML, ANIL, Meta-SGD, Reptile."""

from copy import deepcopy
from importlib import import_module

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from drivemeta.errors import ConfigError
from drivemeta.plugins.learner.episodes import Episode
from drivemeta.training.meta.networks import Conv4
from tests.helpers.meta_tasks import Run, Tasks, create, one_block, prepared, trained

# Compiling takes seconds a layer: what it makes is compared on a network of one block.
WHOLE = [(name, "vmap") for name in ("anil", "maml", "metasgd")]
BLOCK = [pytest.param(name, "compiled", marks=pytest.mark.slow) for name, _ in WHOLE]


@pytest.mark.parametrize(("name", "mapped"), [*WHOLE, *BLOCK])
def test_mapping_over_tasks_has_the_gradients_of_a_loop(name, mapped):
    gradients = []
    for how in ("loop", mapped):
        torch.manual_seed(0)
        run = Run(1)
        learner = create(name, meta_batch=2, mapped=how)
        network = one_block() if mapped == "compiled" else Conv4(4, kind="strided")
        learner.meta_train(network, Tasks(), run)
        gradients.append({key: value.grad for key, value in run.model.named_parameters()})
    for key, value in gradients[0].items():
        assert value.abs().sum() > 0, key
        torch.testing.assert_close(value, gradients[1][key], atol=2e-5, rtol=1e-2)


@pytest.mark.parametrize(
    "layers", [(nn.BatchNorm2d(4), nn.Flatten()), (nn.Flatten(), nn.LazyBatchNorm1d())]
)
def test_mapping_over_tasks_refuses_batch_norm_of_the_library(layers):
    network = nn.Sequential(nn.Conv2d(1, 4, 3), *layers)
    with pytest.raises(ConfigError, match="without torch's batch norm"):
        create("maml", mapped="vmap").meta_train(network, Tasks(), Run(1))


def test_gradients_of_maml_through_batch_norm_are_those_of_finite_differences():
    torch.manual_seed(0)
    learner = create("maml", inner_lr=0.4, n_steps=2)
    model = learner.prepare(Conv4(4), Tasks()).double().train()
    episode = Tasks(dtype=torch.float64).episode()
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


@pytest.mark.parametrize("name", ["anil", "maml"])
def test_transductive_queries_are_normalised_by_their_own_statistics(name):
    learner, model = prepared(name, transductive=True, n_test_steps=0)
    episode = Tasks(n_query=4).episode()
    with torch.no_grad():
        alone = model(episode.query, n_reference=len(episode.query))
        torch.testing.assert_close(learner.logits(model, episode), alone)


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


def test_reptile_with_one_step_is_joint_sgd(monkeypatch):
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

    monkeypatch.setattr(type(learner), "prepare", staticmethod(from_start))
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


@pytest.mark.parametrize("mapped", ["vmap", pytest.param("compiled", marks=pytest.mark.slow)])
def test_reptile_at_once_does_what_a_loop_does(mapped, monkeypatch):
    # The tasks of a step share an order at once, and have each its own in a loop.
    monkeypatch.setattr(torch, "randperm", lambda n, **_: torch.arange(n).flip(0))
    params = {"n_steps": 3, "inner_batch": 4, "optimizer": "sgd", "inner_lr": 0.05}
    models = []
    for how in ("loop", mapped):
        torch.manual_seed(0)
        network = one_block() if mapped == "compiled" else Conv4(8)
        models.append(trained("reptile", 3, network, meta_batch=3, mapped=how, **params)[1])
    one, other = models
    for key, value in one.headed.state_dict().items():
        torch.testing.assert_close(other.headed.state_dict()[key], value, atol=1e-5, rtol=1e-3)


def test_reptiles_mini_batches_go_through_all_images_in_another_order_each_time():
    mini_batches = import_module(create("reptile").__module__).mini_batches
    torch.manual_seed(0)
    twice = torch.stack(mini_batches(6, 3, 4)).view(2, 6)
    assert not torch.equal(twice[0], twice[1])
    assert torch.equal(twice.sort().values, torch.arange(6).expand(2, 6))
    cut = torch.stack(mini_batches(5, 3, 3)).flatten()
    assert torch.equal(cut[:5].sort().values, torch.arange(5))
    assert [batch.tolist() for batch in mini_batches(2, 3, 2)] == [[0, 1], [0, 1]]


def test_reptile_adapts_to_an_episode_alike_each_time():
    learner, model = trained("reptile", 2, meta_batch=2, n_steps=3, inner_batch=4)
    episode = Tasks(n_shot=3).episode()
    once = learner.logits(model, episode)
    torch.manual_seed(5)
    assert torch.equal(learner.logits(model, episode), once)


def test_reptile_at_once_keeps_the_mean_of_the_second_moments():
    _, model = trained("reptile", 2, meta_batch=3, n_steps=4, mapped="vmap")
    state = model.state_dict()
    assert int(state["state.n_steps"]) == 2 * 4
    assert state["state.moment0"].abs().sum() > 0


class At:
    """One meta-step at a given share of the budget; keeps the weights before and after."""

    def __init__(self, progress):
        self.progress = progress

    def train(self, model, loss, logits, optimizer=None):
        del logits
        self.before = {key: value.detach().clone() for key, value in model.named_parameters()}
        loss()
        optimizer.step()
        self.moved = {k: v.detach() - self.before[k] for k, v in model.named_parameters()}


def moved_by_reptile(progress=0.0, **params):
    torch.manual_seed(0)
    run = At(progress)
    plain = {"meta_batch": 2, "n_steps": 2, "inner_batch": 99}
    create("reptile", **plain | params).meta_train(Conv4(8), Tasks(), run)
    return run.moved


@pytest.mark.parametrize("mapped", ["loop", "vmap"])
@pytest.mark.parametrize(("meta_step", "progress", "share"), [(0.5, 0.0, 0.5), (1.0, 0.75, 0.25)])
def test_reptiles_meta_step_is_annealed_to_zero(mapped, meta_step, progress, share):
    sgd = {"optimizer": "sgd", "inner_lr": 0.05, "mapped": mapped}
    whole = moved_by_reptile(**sgd)
    part = moved_by_reptile(progress, meta_step=meta_step, **sgd)
    assert sum(float(moved.abs().sum()) for moved in whole.values()) > 0
    for key, moved in whole.items():
        torch.testing.assert_close(part[key], share * moved, atol=1e-6, rtol=1e-3)


def test_the_first_step_of_reptiles_optimizer_is_as_long_as_its_rate():
    """Its second moment is corrected for having begun at zero, so that g / sqrt(g^2) is left."""
    moved = moved_by_reptile(inner_lr=0.01, meta_batch=1, n_steps=1)
    lengths = moved["headed.head.weight"].abs()
    assert lengths.max() == pytest.approx(0.01, rel=1e-3)
    assert lengths.median() == pytest.approx(0.01, rel=1e-2)


def test_the_inner_loop_of_anil_moves_weights_and_bias_of_the_head():
    learner, model = prepared("anil", n_test_steps=2, inner_lr=0.5)
    e = Tasks().episode()
    e = Episode(e.support[:4], e.support_labels[:4], e.query, e.query_labels, e.n_way)  # unequal
    with torch.no_grad():
        both = model.embedding(torch.cat([e.support, e.query]), len(e.support))
    support, query = both[: len(e.support)], both[len(e.support) :]
    weights, bias = model.head.weight.detach().clone(), model.head.bias.detach().clone()
    for _ in range(2):
        weights, bias = weights.requires_grad_(), bias.requires_grad_()
        loss = F.cross_entropy(support @ weights.T + bias, e.support_labels)
        of_weights, of_bias = torch.autograd.grad(loss, [weights, bias])
        weights, bias = (weights - 0.5 * of_weights).detach(), (bias - 0.5 * of_bias).detach()
    assert (bias - model.head.bias).abs().max() > 0.01
    found = learner.logits(model, e)
    torch.testing.assert_close(found, query @ weights.T + bias, atol=1e-5, rtol=1e-4)
