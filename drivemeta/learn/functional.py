"""Fast weights: parameters as values, so that an inner loop never changes a network.

After Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks",
2017, arXiv 1703.03400. A step makes new tensors; the outer gradient flows through all of them
unless it is cut on purpose (`first_order`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Params = dict[str, Tensor]


def parameters_of(module: nn.Module, prefix: str = "") -> Params:
    """Return the parameters of a module by name, those under a prefix alone if one is given."""
    return {key: value for key, value in module.named_parameters() if key.startswith(prefix)}


def call(module: nn.Module, params: Mapping[str, Tensor], *args: Any, **options: Any) -> Tensor:
    """Run a module with some of its parameters replaced; the module is not changed.

    Args:
        module: what to run; buffers it would write (running statistics) are copies.
        params: the replacements by name; parameters that are not named stay the module's own.
        args: of its `forward`.
        options: keyword arguments of its `forward`.
    """
    buffers = {key: value.clone() for key, value in module.named_buffers()}
    result: Tensor = torch.func.functional_call(module, {**buffers, **params}, args, options)
    return result


def descend(
    loss: Callable[[Params], Tensor],
    params: Params,
    rates: float | Mapping[str, Tensor],
    n_steps: int,
    *,
    first_order: bool = False,
) -> Params:
    """Take steps of plain gradient descent; return the fast weights.

    Args:
        loss: maps parameters to a scalar.
        params: to start from; left as they are.
        rates: one learning rate, or tensors of rates that broadcast to each parameter.
        n_steps: number of steps.
        first_order: take the inner gradients as constants, so that no second derivatives are
            computed in the outer loop.
    """
    for _ in range(n_steps):
        gradients = torch.func.grad(loss)(params)
        if first_order:
            gradients = {key: value.detach() for key, value in gradients.items()}
        rate = {key: rates if isinstance(rates, float) else rates[key] for key in params}
        params = {key: value - rate[key] * gradients[key] for key, value in params.items()}
    return params


def mean_over_tasks(
    loss: Callable[..., Tensor], tasks: Sequence[tuple[Tensor, ...]], *, vectorised: bool = False
) -> Tensor:
    """Average a loss over tasks.

    Args:
        loss: maps the tensors of one task to a scalar.
        tasks: the tensors of each task.
        vectorised: stack the tasks and map over them with `vmap`, which needs equal shapes.
            Faster for small networks; for convolutions on a CPU a loop is, since each task's
            weights differ and its convolution becomes a grouped one.
    """
    if vectorised:
        stacked = [torch.stack(parts) for parts in zip(*tasks, strict=True)]
        losses: Tensor = torch.func.vmap(loss, randomness="different")(*stacked)
        return losses.mean()
    return torch.stack([loss(*task) for task in tasks]).mean()
