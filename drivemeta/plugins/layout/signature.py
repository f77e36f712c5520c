"""What an ONNX file says of itself from outside: its inputs, outputs and metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tensor:
    """An input or output of a file.

    Attributes:
        name: Name in the graph.
        dtype: Type as numpy calls it, such as `float32` or `int64`.
        shape: Sides, None for one that is free.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        sides = ", ".join("?" if side is None else str(side) for side in self.shape)
        return f"{self.name} {self.dtype} [{sides}]"


@dataclass(frozen=True)
class Signature:
    """What a file takes and gives.

    Attributes:
        inputs: Inputs that have no value in the file.
        outputs: Outputs in the file's order.
        metadata: Metadata that exporters write, by key.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def image(self) -> Tensor | None:
        """The one input of images, (N, 3, H, W) or (3, H, W) of floats, None if there is none."""
        found = [t for t in self.inputs if t.dtype.startswith("float") and _is_image(t.shape)]
        return found[0] if len(found) == 1 else None

    def image_size(self, default: tuple[int, int]) -> tuple[int, int]:
        """Return height and width of the images, the default where the file leaves them free."""
        height, width = self.image.shape[-2:] if self.image else (None, None)
        return height or default[0], width or default[1]

    def output(self, name: str) -> Tensor | None:
        """Return the output of a name, None if there is none."""
        return next((t for t in self.outputs if t.name == name), None)


def _is_image(shape: tuple[int | None, ...]) -> bool:
    return len(shape) in {3, 4} and shape[-3] == 3
