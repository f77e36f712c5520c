"""The loss of level 1: what a source does not annotate teaches nothing."""

import pytest
import torch

from drivemeta.models.level1 import Level1, grid
from drivemeta.plugins.detector.protocol import DenseOutput
from drivemeta.training.base.level1_loss import (
    Targets,
    TrainableLevel1,
    detector_loss,
)
from drivemeta.training.base.sources import COMPLETE, NONE, PARTIAL

SIZE = (64, 128)
N_CLASSES = 3


def predictions() -> tuple[DenseOutput, torch.Tensor]:
    """Return leaf tensors, so that each has a gradient of its own."""
    torch.manual_seed(0)
    centres, strides = grid(*SIZE, 170)
    half = strides[:, None] * 1.5
    boxes = torch.cat([centres - half, centres + half], 1)[None].requires_grad_()
    quality = torch.randn(1, len(centres), requires_grad=True)
    logits = torch.randn(1, len(centres), N_CLASSES, requires_grad=True)
    return DenseOutput(boxes, quality, torch.zeros(1, len(centres), 4)), logits


def targets(coverage: list[int], n: int = 1, ignore: torch.Tensor | None = None) -> Targets:
    boxes = torch.tensor([[41.0, 17, 66, 43], [80, 10, 120, 60]])[:n]
    none = torch.zeros(0, 4)
    return Targets(
        boxes,
        torch.zeros(n, dtype=torch.int64),
        none if ignore is None else ignore,
        torch.tensor(coverage),
    )


def gradients(target: Targets) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    output, logits = predictions()
    parts = detector_loss(output, logits, [target], SIZE)
    sum(parts.values()).backward()
    zero = torch.zeros(())
    return tuple(x.grad if x.grad is not None else zero for x in (logits, *output[:2]))


def test_classes_that_are_not_annotated_learn_only_where_another_object_is():
    logits, _, quality = gradients(targets([COMPLETE, PARTIAL, NONE]))
    assert (logits[..., 0] != 0).all()
    positive = quality[0] != 0
    assert 0 < positive.sum() <= 9
    assert (logits[0, ~positive, 1:] == 0).all()
    assert (logits[0, positive, 1:] > 0).all()  # pushed down: a vehicle is no other object


def test_boxes_of_a_partial_class_count():
    logits, boxes, _ = gradients(targets([PARTIAL, NONE, NONE]))
    positive = (logits[0, :, 0] != 0).sum()
    assert 0 < positive <= 9
    assert (boxes[0].abs().sum(1) > 0).sum() == positive


def test_complete_annotation_teaches_the_background_everywhere():
    logits, _, quality = gradients(targets([COMPLETE] * N_CLASSES))
    assert (logits != 0).all()
    assert (quality != 0).all()


def test_ignored_regions_teach_nothing():
    whole = torch.tensor([[0.0, 0, 128, 64]])
    logits, _, quality = gradients(targets([COMPLETE] * N_CLASSES, 0, whole))
    assert (logits == 0).all()
    assert (quality == 0).all()


def test_nothing_annotated_and_nothing_there_is_no_loss():
    output, logits = predictions()
    parts = detector_loss(output, logits, [targets([NONE] * N_CLASSES, 0)], SIZE)
    assert {name: float(value.detach()) for name, value in parts.items()} == {
        "class": 0,
        "quality": 0,
        "box": 0,
    }


@pytest.mark.parametrize("size", [(64, 64), SIZE])
@pytest.mark.parametrize("fine_width", [0, 4])
def test_the_grid_is_that_of_the_network(size, fine_width):
    level1 = Level1(width=8, passthrough=True, fine_width=fine_width)
    model = TrainableLevel1(level1, N_CLASSES).eval()
    output, logits = model(torch.rand(1, 3, *size))
    centres, strides = grid(*size, logits.shape[1])
    assert strides.min() == (4 if fine_width else 8)
    assert output.boxes.shape[1] == len(centres) == len(strides)
    assert logits.shape == (1, len(centres), N_CLASSES)


def test_a_number_of_locations_that_no_network_has_is_refused():
    with pytest.raises(ValueError, match="no levels have 7 locations"):
        grid(64, 64, 7)


def test_a_few_steps_lower_the_loss():
    torch.manual_seed(0)
    model = TrainableLevel1(Level1(width=8), N_CLASSES)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    images = torch.rand(1, 3, *SIZE)
    losses = []
    for _ in range(6):
        output, logits = model(images)
        parts = detector_loss(output, logits, [targets([COMPLETE] * N_CLASSES, 2)], SIZE)
        total = sum(parts.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(float(total.detach()))
    assert losses[-1] < 0.9 * losses[0]
