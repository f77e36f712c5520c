"""What every level-1 network keeps to."""

import torch
from torch import nn

KIND = "detector"


@torch.no_grad()
def test_predictions_have_the_shapes_of_dense_output(create):
    network = create().eval()
    assert isinstance(network, nn.Module)
    output = network(torch.rand(2, 3, 64, 128))
    n, n_locations, four = output.boxes.shape
    assert (n, four) == (2, 4)
    assert output.quality.shape == (2, n_locations)
    assert output.embeddings.shape[:2] == (2, n_locations)
    norms = output.embeddings.norm(dim=-1)
    torch.testing.assert_close(norms, torch.ones_like(norms))
    assert (output.boxes[..., 2:] >= output.boxes[..., :2]).all()
