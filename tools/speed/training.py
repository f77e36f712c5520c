"""Images a second of a training step of level 1, by what is frozen, crop size and compilation.

    python -m tools.speed.training

On an idle machine. Random images and ten random boxes each; the loss and the optimizer's step are
included, reading images is not (see `--data` for that).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from drivemeta.config import load_config
from drivemeta.core import SUPER_CLASSES
from drivemeta.markdown import table, table_row
from drivemeta.models.level1 import Level1
from drivemeta.models.traced.frozen import FrozenTrunk
from drivemeta.training.allocator import keep_freed_memory
from drivemeta.training.base.detector import DetectorTraining, sampler_of
from drivemeta.training.base.level1_loss import (
    Targets,
    TrainableLevel1,
    detector_loss,
)
from drivemeta.training.base.sources import COMPLETE

Batch = tuple[Tensor, list[Targets]]
# frozen blocks, frozen by ONNX Runtime, height, width, batch, compiled, channels at stride 4
CASES = (
    (0, False, 320, 512, 8, False, 0),
    (3, False, 320, 512, 8, False, 0),
    (5, False, 320, 512, 8, False, 0),
    (3, True, 320, 512, 8, False, 0),
    (5, True, 320, 512, 8, False, 0),
    (3, True, 320, 512, 8, False, 48),
    (5, True, 320, 512, 8, False, 48),
    (8, True, 320, 512, 8, False, 0),
    (5, True, 384, 640, 4, False, 0),
    (5, True, 256, 384, 12, False, 0),
    (5, False, 320, 512, 8, True, 0),
)


def main() -> None:
    """Time each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--data", type=Path, help="a training configuration: times its sampler too")
    parser.add_argument("--give-back", action="store_true", help="free memory as glibc would")
    arguments = parser.parse_args()
    if not arguments.give_back:
        keep_freed_memory()
    head = ["frozen blocks", "by ONNX Runtime", "crop", "batch", "compiled", "stride 4", "images/s"]
    print("\n".join(table(head, [])))
    for frozen, trunk, height, width, n, compiled, fine in CASES:
        level1 = Level1(passthrough=True, fine_width=fine)
        step = _step(level1, frozen, (height, width), n, trunk=trunk, compiled=compiled)
        rate = n / _median_seconds(step, arguments.steps)
        cells = [frozen, _yes(trunk), f"{height}x{width}", n, _yes(compiled), fine, f"{rate:.1f}"]
        print(table_row(cells))
    if arguments.data:
        sampler = sampler_of(load_config(arguments.data, DetectorTraining), resume=False)
        seconds = _median_seconds(lambda: sampler.batch(8), arguments.steps)
        print(f"\nreading and augmenting: {8 / seconds:.0f} images/s on one core")


def _step(
    level1: Level1, frozen: int, size: tuple[int, int], n: int, *, trunk: bool, compiled: bool
) -> Callable[[], object]:
    """Return a function that does one training step."""
    model = TrainableLevel1(level1, len(SUPER_CLASSES))
    backbone = model.level1.backbone
    features: Callable[[Tensor], list[Tensor]] = backbone
    if trunk:
        features = FrozenTrunk(backbone, frozen, size).features
    elif frozen:
        for module in (backbone.stem, *backbone.blocks[:frozen]):
            module.requires_grad_(False)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    learnt = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=1e-5)
    images, targets = _batch(size, n)
    predict = torch.compile(model) if compiled else lambda x: model.predict(features(x))

    def step() -> None:
        output, logits = predict(images)
        loss = torch.stack(list(detector_loss(output, logits, targets, size).values())).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def _batch(size: tuple[int, int], n: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(n, 3, *size, generator=generator)
    coverage = torch.full((len(SUPER_CLASSES),), COMPLETE)
    targets = []
    for _ in range(n):
        low = torch.rand(10, 2, generator=generator) * (torch.tensor(size[::-1]) - 60)
        boxes = torch.cat([low, low + 10 + 40 * torch.rand(10, 2, generator=generator)], 1)
        labels = torch.randint(len(SUPER_CLASSES), (10,), generator=generator)
        targets.append(Targets(boxes, labels, torch.zeros(0, 4), coverage))
    return images.contiguous(memory_format=torch.channels_last), targets


def _median_seconds(work: Callable[[], object], n: int) -> float:
    for _ in range(2):  # warm-up, compilation
        work()
    seconds = []
    for _ in range(n):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    main()
