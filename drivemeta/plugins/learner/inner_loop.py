"""Fast weights: parameters as values, so that an inner loop never changes a network.

After Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks",
2017, arXiv 1703.03400. A step makes new tensors; the outer gradient flows through all of them
unless it is cut on purpose (`first_order`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from drivemeta.errors import ConfigError

Params = dict[str, Tensor]
Mapped = Literal["loop", "vmap", "compiled"]
TORCH_NORMS = {nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm}


def parameters_of(module: nn.Module, prefix: str = "") -> Params:
    """Return the parameters of a module by name, those under a prefix alone if one is given."""
    return {key: value for key, value in module.named_parameters() if key.startswith(prefix)}


def call(module: nn.Module, params: Mapping[str, Tensor], *args: Any, **options: Any) -> Tensor:
    """Run a module with some of its parameters replaced; the module is not changed.

    Args:
        module: Module to run; buffers it would write (running statistics) are copies.
        params: Replacements by name; parameters that are not named stay the module's own.
        args: Arguments of its `forward`.
        options: Keyword arguments of its `forward`.
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
        loss: Function from parameters to a scalar.
        params: Parameters to start from; left as they are.
        rates: One learning rate, or tensors of rates that broadcast to each parameter.
        n_steps: Number of steps.
        first_order: Whether the inner gradients are taken as constants, so that no second
            derivatives are computed in the outer loop.
    """
    for _ in range(n_steps):
        gradients = torch.func.grad(loss)(params)
        if first_order:
            gradients = {key: value.detach() for key, value in gradients.items()}
        rate = {key: rates if isinstance(rates, float) else rates[key] for key in params}
        params = {key: value - rate[key] * gradients[key] for key, value in params.items()}
    return params


def over_tasks(
    loss: Callable[..., Tensor], network: nn.Module, how: Mapped = "loop"
) -> Callable[[Sequence[tuple[Tensor, ...]]], Tensor]:
    """Return the mean of a loss over tasks, as a function of the tensors of each task.

    Args:
        loss: Function from the tensors of one task to a scalar.
        network: Network that the loss runs.
        how: `loop` takes one task after the other; `vmap` all at once, which needs equal shapes;
            `compiled` lets TorchInductor fuse what `vmap` does, which needs a C++ compiler and
            about a minute at the first call.

    Raises:
        ConfigError: tasks cannot be mapped over with this network.
    """
    if how != "loop" and any(type(module) in TORCH_NORMS for module in network.modules()):
        raise ConfigError(
            f"mapped: {how}: expected a network without torch's batch norm, whose second "
            "derivatives are wrong where vmap maps over tasks; use loop, or ReferenceNorm2d"
        )
    if how == "loop":
        return lambda tasks: torch.stack([loss(*task) for task in tasks]).mean()
    mapped = compiled_if(how == "compiled", torch.func.vmap(loss, randomness="different"))

    def mean(tasks: Sequence[tuple[Tensor, ...]]) -> Tensor:
        losses: Tensor = mapped(*(torch.stack(parts) for parts in zip(*tasks, strict=True)))
        return losses.mean()

    return mean


def compiled_if(wanted: bool, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function compiled for the shapes that it is called with, or as it is."""
    return torch.compile(function, dynamic=False) if wanted else function
