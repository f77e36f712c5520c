"""Fast weights, against closed forms, finite differences and each other."""

import gc
from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from drivemeta.plugins.learner.inner_loop import (
    call,
    descend,
    over_tasks,
    parameters_of,
)


def small_net(dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3)).to(dtype)


def outer_loss(net, params, *, first_order=False, n_steps=2):
    generator = torch.Generator().manual_seed(1)
    dtype = next(iter(params.values())).dtype
    support, query = torch.randn(2, 6, 4, generator=generator, dtype=dtype)
    labels = torch.arange(6) % 3
    fast = descend(
        lambda p: F.cross_entropy(call(net, p, support), labels),
        params,
        0.5,
        n_steps,
        first_order=first_order,
    )
    return F.cross_entropy(call(net, fast, query), labels)


def gradients(net, **options):
    params = parameters_of(net)
    return torch.autograd.grad(outer_loss(net, params, **options), list(params.values()))


def test_the_outer_gradient_is_that_of_finite_differences():
    net = small_net()
    names = list(parameters_of(net))

    def loss(*values):
        return outer_loss(net, dict(zip(names, values, strict=True)))

    values = [value.detach().requires_grad_() for value in parameters_of(net).values()]
    assert torch.autograd.gradcheck(loss, values, eps=1e-6, atol=1e-7)


def test_second_order_differs_from_first():
    net = small_net()
    second, first = gradients(net), gradients(net, first_order=True)
    assert all((a - b).norm() > 1e-3 * a.norm() for a, b in zip(second, first, strict=True))


def test_orders_agree_on_a_loss_linear_in_the_parameters():
    torch.manual_seed(0)
    slope = torch.randn(5, dtype=torch.float64)
    start = torch.randn(5, dtype=torch.float64, requires_grad=True)

    def gradient(first_order):
        fast = descend(lambda p: slope @ p["w"], {"w": start}, 0.1, 3, first_order=first_order)
        return torch.autograd.grad((fast["w"] ** 2).sum(), start)[0]

    torch.testing.assert_close(gradient(True), gradient(False))


def test_steps_on_a_parabola_have_their_closed_form():
    start = torch.tensor([3.0, -1.0], dtype=torch.float64, requires_grad=True)
    fast = descend(lambda p: (p["w"] ** 2).sum() / 2, {"w": start}, 0.1, 4)["w"]
    torch.testing.assert_close(fast, start * 0.9**4)
    torch.testing.assert_close(
        torch.autograd.grad(fast.sum(), start)[0], torch.full((2,), 0.9**4, dtype=torch.float64)
    )


def test_a_rate_for_each_weight():
    start, rates = torch.tensor([2.0, 2.0]), torch.tensor([0.0, 0.5], requires_grad=True)
    fast = descend(lambda p: (p["w"] ** 2).sum() / 2, {"w": start}, {"w": rates}, 1)["w"]
    torch.testing.assert_close(fast, torch.tensor([2.0, 1.0]))
    torch.testing.assert_close(torch.autograd.grad(fast.sum(), rates)[0], -start)


def test_mapping_over_tasks_equals_a_loop():
    net = small_net()
    tasks = [(torch.randn(5, 4).double(), torch.randint(3, (5,))) for _ in range(4)]

    def loss(images, labels):
        fast = descend(
            lambda p: F.cross_entropy(call(net, p, images), labels), parameters_of(net), 0.5, 2
        )
        return F.cross_entropy(call(net, fast, images), labels)

    one, two = (
        torch.autograd.grad(over_tasks(loss, net, how)(tasks), list(net.parameters()))
        for how in ("loop", "vmap")
    )
    torch.testing.assert_close(one, two)


def test_the_network_and_its_running_statistics_stay():
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)).train()
    before = deepcopy(net.state_dict())
    images, labels = torch.randn(9, 4), torch.arange(9) % 3
    descend(lambda p: F.cross_entropy(call(net, p, images), labels), parameters_of(net), 0.1, 3)
    for key, value in net.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("first_order", [False, True])
def test_a_thousand_inner_loops_leave_nothing_behind(first_order):
    net = small_net(torch.float32)

    def tensors():
        gc.collect()
        return sum(issubclass(type(item), torch.Tensor) for item in gc.get_objects())

    def loops(n):
        for _ in range(n):
            outer_loss(net, parameters_of(net), first_order=first_order, n_steps=1).backward()
            net.zero_grad()

    loops(3)
    before = tensors()
    loops(1000)
    assert tensors() <= before
