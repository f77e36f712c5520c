"""A learner of one's own in one file: a class is the shot that resembles its other shots most."""

from pathlib import Path

import torch
from torch import nn

import drivemeta as dm
from drivemeta.demo.material import write_support
from drivemeta.plugins.learner.means import mean_by
from drivemeta.plugins.learner.rows import CosineRows, background_rows, shots_of


class Medoid:
    """Learns one row a class.

    Args:
        scale: Inverse temperature of the logits.
    """

    def __init__(self, scale: float = 20.0) -> None:
        self.scale = scale

    def fit(self, network, support) -> nn.Module:
        """Return the classifier of crops that the shots make."""
        shots, labels = shots_of(network, support)  # (n_shots, dim), (n_shots,)
        closeness = (shots * mean_by(shots, labels)[labels]).sum(-1)  # (n_shots,) cosines
        best = [
            closeness.where(labels == way, closeness.new_tensor(-2)).argmax()
            for way in range(support.n_way)
        ]
        rows = shots[torch.stack(best)]  # (n_way, dim)
        background = background_rows(network, support, rows)
        owners = torch.tensor([*range(support.n_way), *[-1] * len(background)])
        return CosineRows(network, torch.cat([rows, background]), owners, support.n_way, self.scale)


if __name__ == "__main__":
    annotations = write_support(
        Path("examples-out", "support"), "falling_rocks", seed=0, size=(360, 640)
    )
    support = dm.SupportSet.from_coco(annotations)
    adapted = dm.adapt(dm.load_base(), support, learner=Medoid(scale=15))
    print(adapted)
    print(f"learnt by {adapted.record.learner.name} with {adapted.record.learner.params}")
