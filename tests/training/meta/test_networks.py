"""Conv-4 and the statistics of its batch norm."""

from copy import deepcopy

import pytest
import torch
from torch.nn import functional as F

from drivemeta.plugins.learner.reference_norm import ReferenceNorm2d
from drivemeta.training.meta.networks import (
    Conv4,
    KochNet,
    ResidualNet,
    convolution_by_product,
)


def test_embeddings_have_the_papers_size():
    images = torch.rand(3, 1, 28, 28)
    assert Conv4()(images).shape == (3, 64)
    assert Conv4(kind="strided")(images).shape == (3, 64)
    assert Conv4(kind="flattened")(images).shape == (3, 256)
    assert KochNet(8)(images).shape == (3, 64)
    assert ResidualNet(4)(images).shape == (3, 64)


@pytest.mark.parametrize("kind", [Conv4, KochNet, ResidualNet])
def test_with_reference_no_query_sees_another(kind):
    torch.manual_seed(0)
    net, images = kind(8).eval(), torch.rand(7, 1, 28, 28)
    whole = net(images, n_reference=4)
    alone = net(torch.cat([images[:4], images[5:6]]), n_reference=4)
    torch.testing.assert_close(whole[5], alone[4], atol=1e-5, rtol=1e-5)


def test_reference_of_all_is_plain_batch_norm_and_writes_no_statistics():
    norm, images = ReferenceNorm2d(5), torch.randn(6, 5, 4, 4)
    before = deepcopy(norm.state_dict())
    expected = F.batch_norm(images, None, None, norm.weight, norm.bias, training=True)
    torch.testing.assert_close(norm(images, n_reference=6), expected)
    twice = norm(torch.cat([images, images]), n_reference=6)
    torch.testing.assert_close(twice[:6], expected, atol=1e-5, rtol=1e-5)
    assert all(torch.equal(value, before[key]) for key, value in norm.state_dict().items())


def test_without_reference_it_is_the_librarys_batch_norm():
    torch.manual_seed(0)
    ours, theirs = ReferenceNorm2d(5), torch.nn.BatchNorm2d(5)
    images = torch.randn(6, 5, 4, 4)
    torch.testing.assert_close(ours(images), theirs(images))
    torch.testing.assert_close(ours.eval()(images), theirs.eval()(images))


@pytest.mark.parametrize("size", [(7, 7), (4, 6)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("k", [1, 3])
def test_a_convolution_by_product_has_the_values_and_derivatives_of_the_librarys(k, stride, size):
    torch.manual_seed(0)
    images = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, 3, k, k, dtype=torch.float64, requires_grad=True)
    expected = F.conv2d(images, weight, stride=stride, padding=k // 2)
    torch.testing.assert_close(convolution_by_product(images, weight, stride), expected)

    def by_product(images, weight):
        return convolution_by_product(images, weight, stride)

    assert torch.autograd.gradcheck(by_product, (images, weight))
    assert torch.autograd.gradgradcheck(by_product, (images, weight))


@pytest.mark.parametrize("kind", ["pooled", "strided", "flattened"])
def test_conv4_by_product_embeds_as_the_other_does(kind):
    same_embeddings(Conv4(8, kind=kind), Conv4(8, kind=kind, by_product=True))


@pytest.mark.parametrize("kind", [KochNet, ResidualNet])
def test_a_twin_by_product_embeds_as_the_other_does(kind):
    same_embeddings(kind(4), kind(4, by_product=True))


def same_embeddings(plain, by_product):
    by_product.load_state_dict(plain.state_dict())
    images = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(by_product(images), plain(images), atol=1e-5, rtol=1e-5)
