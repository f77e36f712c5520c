"""The projections of the thing-embedding that are computed."""

from __future__ import annotations

import torch

from drivemeta.models.things import ThingEmbedding
from drivemeta.training.base.thing_projection import joined_projection, principal_projection


def test_the_projection_starts_as_principal_components() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(300, ThingEmbedding.n_features, generator=generator) * 0.01
    features[:, 7] += 5 * torch.randn(300, generator=generator)
    features[:, 3] += 100
    weight, bias = principal_projection(features, 16)
    assert weight.shape == (16, ThingEmbedding.n_features)
    projected = features @ weight.T + bias
    torch.testing.assert_close(projected.mean(0), torch.zeros(16), atol=1e-2, rtol=0)
    assert int(weight[0].abs().argmax()) == 7
    assert float(projected[:, 0].std()) > 5 * float(projected[:, 5].std())


def test_joined_it_keeps_what_was_learnt_and_what_varies_otherwise() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(400, ThingEmbedding.n_features, generator=generator) * 0.01
    features[:, 7] += torch.randn(400, generator=generator)
    learnt = torch.zeros(8, ThingEmbedding.n_features)
    learnt[0, 3] = 100.0
    weight, bias = joined_projection(features, (learnt, torch.zeros(8)))
    assert weight.shape == learnt.shape
    embedded = features @ weight.T + bias
    for wanted in (3, 7):  # can be told from the embedding
        target = features[:, wanted, None]
        told = embedded @ torch.linalg.lstsq(embedded, target).solution
        assert float((told - target).std()) < 0.1 * float(target.std())
    scaled, _ = joined_projection(features, (50 * learnt, torch.zeros(8)))
    torch.testing.assert_close(scaled.abs(), weight.abs(), atol=1e-3, rtol=1e-2)


def test_few_features_leave_the_rest_at_zero() -> None:
    features = torch.randn(5, ThingEmbedding.n_features)
    weight, bias = joined_projection(features, principal_projection(features, 16))
    assert weight.shape == (16, ThingEmbedding.n_features)
    assert bias.shape == (16,)
    assert bool(torch.isfinite(weight).all())
