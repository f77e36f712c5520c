"""How learners embed images, with any network."""

import pytest
import torch
from torch import nn

from drivemeta.plugins.learner.embedding import embed, embedding_dim
from drivemeta.training.meta.networks import Conv4


@pytest.mark.parametrize("training", [True, False])
def test_the_size_of_an_embedding_is_asked_without_a_trace(training):
    net = Conv4(32).train(training)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    assert embedding_dim(net, torch.rand(3, 1, 28, 28)) == 32
    assert net.training is training
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_a_network_without_reference_statistics_embeds_all_the_same():
    images = torch.rand(3, 1, 4, 4)
    assert torch.equal(embed(nn.Flatten(), images, n_reference=2), images.flatten(1))
