"""How learners embed images, with any network that they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.reference_norm import ReferenceNorm2d

PART = 64


def embed(network: nn.Module, images: Tensor, n_reference: int | None = None) -> Tensor:
    """Embed images, with statistics of the first ones where the network can take them so."""
    takes = n_reference is not None and takes_reference(network)
    options: dict[str, Any] = {"n_reference": n_reference} if takes else {}
    embedded: Tensor = network(images, **options)
    return embedded


def in_parts(embed: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Embed (n, ...) images in parts of 64, so that memory does not grow with them."""
    return torch.cat([embed(part) for part in torch.split(images, PART)])


def takes_reference(network: nn.Module) -> bool:
    """Tell whether a network can take its statistics from some of the images."""
    return any(isinstance(module, ReferenceNorm2d) for module in network.modules())


def embedding_dim(network: nn.Module, images: Tensor) -> int:
    """Return the number of dimensions that a network gives images of this kind."""
    training = network.training
    network.eval()
    with torch.no_grad():
        dim = network(images[:1]).shape[1]
    network.train(training)
    return int(dim)


def embed_episode(
    network: nn.Module, episode: Episode, *, transductive: bool
) -> tuple[Tensor, Tensor]:
    """Embed the support and the query of an episode.

    In training all images give the statistics of batch norm, as the papers do. At test the running
    ones are used (inductive), or those of all the episode's images (transductive).
    """
    both = torch.cat([episode.support, episode.query])
    reference = len(both) if transductive and not network.training else None
    embedded = embed(network, both, reference)
    return embedded[: len(episode.support)], embedded[len(episode.support) :]
