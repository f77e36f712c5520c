"""The level-1 network that the base ships with."""

from __future__ import annotations

from drivemeta.models.level1 import Level1


class LiteDetector(Level1):
    """A one-stage, anchor-free detector of 3 M parameters; see `drivemeta.models.level1`.

    Args:
        width: Number of channels of neck and head.
        dim: Length of the dense embedding.
        passthrough: Whether the features of stride 4 join those of stride 8.
        fine_width: Number of channels of the head of stride 4, 0 for none; it needs `passthrough`.
    """

    def __init__(
        self, width: int = 96, dim: int = 64, passthrough: bool = False, fine_width: int = 0
    ) -> None:
        super().__init__(width, dim, passthrough=passthrough, fine_width=fine_width)
