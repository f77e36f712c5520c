"""Gradient learners in the detector: level 2's last layer, adapted as a branch."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drivemeta.core.bank import ALIKE
from drivemeta.core.boxes import FloatArray
from drivemeta.plugins.learner.heads import RowHeaded, start_of
from drivemeta.plugins.learner.inner_loop import Params, call, parameters_of
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.plugins.learner.means import class_means, spherical_means
from drivemeta.plugins.learner.protocol import ClassRows
from drivemeta.plugins.learner.rows import (
    N_BACKGROUND,
    InnerLoop,
    fit_rows_by_gradients,
    shots_of,
)

HALVINGS = 8


class AdaptedLayer(nn.Module):
    """A last layer that was adapted to new classes, and how rows are found over it.

    Args:
        layer: Layer that maps features to unit vectors.
        row_loop: Inner loop that moves rows from prototypes.
        support: Support set that it was adapted to, as features.
    """

    def __init__(self, layer: LastLayer, row_loop: InnerLoop, support: LabelledImages) -> None:
        super().__init__()
        self.layer = layer
        self._row_loop = row_loop
        with torch.no_grad():
            columns = replace(
                support, images=layer(support.images), negatives=layer(support.negatives)
            )
        self.classifier = fit_rows_by_gradients(nn.Identity(), columns, row_loop)

    def forward(self, features: Tensor) -> Tensor:
        """Map (n, n_features) to (n, n_way) logits."""
        logits: Tensor = self.classifier(self.layer(features))
        return logits

    def as_bank(self) -> ClassRows:
        """Return the rows over the layer's embedding."""
        return self.classifier.as_bank()

    def novel_branch(self) -> LastLayer:
        """Return the layer."""
        return self.layer

    def rows_for(self, support: LabelledImages) -> ClassRows:
        """Return rows for a support set given as embeddings of the layer."""
        return fit_rows_by_gradients(nn.Identity(), support, self._row_loop).as_bank()

    @torch.no_grad()
    def distractors(self, features: Tensor) -> FloatArray:
        """Return where base classes lie in the adapted embedding, (n, dim) float32."""
        return np.asarray(self.layer(features).numpy(), np.float32)


def fit_layer(
    model: RowHeaded, support: LabelledImages, inner_loop: InnerLoop, row_loop: InnerLoop
) -> AdaptedLayer:
    """Adapt a copy of the layer to a support set; the model is left as it is.

    The loss is the mean over the shots and the mean over what they must be told from: background
    of the support frames, and replayed features of base classes, which keep their own rows.

    Args:
        model: Model that the inner loop starts from.
        support: Support set as features; those of the negatives become background.
        inner_loop: Inner loop of the learner, over layer and rows.
        row_loop: Inner loop of the learner, over rows alone.
    """
    layer = deepcopy(model.layer)
    shots, labels = _shot_features(support)
    others, kinds = _others(layer, support)
    n_classes = support.n_way + len(torch.unique(kinds))
    examples, known = torch.cat([shots, others]), torch.cat([labels, support.n_way + kinds])

    def loss(params: Params) -> Tensor:
        logits = call(model, params, examples)
        each = F.cross_entropy(logits, known, reduction="none")
        apart = each[len(shots) :].sum() / max(1, len(others))
        return each[: len(shots)].mean() + apart

    with torch.no_grad():
        start = start_of(model, examples, known, n_classes)
        fast = _no_worse(loss, start, inner_loop(loss, start))
        adapted = {key.removeprefix("layer."): v for key, v in fast.items() if key != "rows"}
        layer.load_state_dict({**parameters_of(layer), **adapted})
    return AdaptedLayer(layer.requires_grad_(False), row_loop, support)


def _no_worse(loss: Callable[[Params], Tensor], start: Params, fast: Params) -> Params:
    """Go back half the way, again and again, while steps have made a loss larger: they diverged."""
    before = loss(start)
    for _ in range(HALVINGS):
        if loss(fast) <= before:
            return fast
        fast = {key: (value + start[key]) / 2 for key, value in fast.items()}
    return start


def _shot_features(support: LabelledImages) -> tuple[Tensor, Tensor]:
    """Return the (n_shots, n_features) mean of each shot's views, and the shots' classes."""
    _, shot = torch.unique(support.shots, return_inverse=True)
    _, labels = shots_of(_Unit(), support)
    return class_means(support.images, shot, len(labels)), labels


@torch.no_grad()
def _others(layer: LastLayer, support: LabelledImages) -> tuple[Tensor, Tensor]:
    """Return features of at most 16 kinds of background and of base classes, and their numbers.

    None is like a shot, but where several of a class are replayed: who gives them leaves out the
    classes that may be one of the new ones.
    """
    prototypes = shots_of(layer, support)[0]
    parts = [support.images[:0]]
    if len(support.negatives):
        far = _unlike(layer, support.negatives, prototypes)
        if len(far):
            embedded = layer(far)
            nearest = (embedded @ spherical_means(embedded, N_BACKGROUND).T).argmax(1)
            kinds, kind = torch.unique(nearest, return_inverse=True)
            parts.append(class_means(far, kind, len(kinds)))
    replay, of = support.replay, support.replay_labels
    if replay is not None and len(replay) and of is None:
        parts.append(_unlike(layer, replay, prototypes))
    others = torch.cat(parts)
    numbers = torch.arange(len(others))
    if replay is None or of is None:
        return others, numbers
    _, each = torch.unique(of, return_inverse=True)
    return torch.cat([others, replay]), torch.cat([numbers, len(others) + each])


def _unlike(layer: LastLayer, features: Tensor, prototypes: Tensor) -> Tensor:
    return features[(layer(features) @ prototypes.T).amax(1) < ALIKE]


class _Unit(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(features, dim=-1)
