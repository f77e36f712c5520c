"""Queries of gradient learners, each normalised with the support alone."""

import torch

from drivemeta.plugins.learner.embedding import takes_reference
from drivemeta.plugins.learner.heads import Headed
from drivemeta.plugins.learner.inner_loop import call, parameters_of
from drivemeta.plugins.learner.meta_loss import logits_one_by_one
from drivemeta.training.meta.networks import Conv4


def test_each_query_is_normalised_with_the_support_and_itself():
    torch.manual_seed(0)
    model = Headed(Conv4(4, kind="strided"), 4, 3).eval()
    support, query = torch.rand(3, 1, 28, 28), torch.rand(4, 1, 28, 28)
    params = parameters_of(model)
    with torch.no_grad():
        found = logits_one_by_one(model, params, support, query)
        for index, image in enumerate(query):
            both = torch.cat([support, image[None]])
            expected = call(model, params, both, n_reference=4)[-1]
            torch.testing.assert_close(found[index], expected, atol=1e-5, rtol=1e-4)


def test_networks_that_take_their_statistics_from_some_images():
    assert takes_reference(Conv4(4))
    assert not takes_reference(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3)))
