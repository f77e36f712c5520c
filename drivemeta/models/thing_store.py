"""Weights of the embedding of things, with the constants of the score rule that were measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize

from drivemeta.core.scoring import Scoring
from drivemeta.errors import ModelFileError
from drivemeta.files import write_bytes
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.things import ThingEmbedding, load_things
from drivemeta.paths import THING_WEIGHTS

HEADER = "drivemeta_things"


def save_things(
    path: Path, network: ThingEmbedding, constants: dict[str, float], provenance: dict[str, Any]
) -> None:
    """Write an embedding in half precision; nothing half-written is left behind.

    Args:
        path: `.safetensors` file to write.
        network: Embedding.
        constants: Fields of `Scoring` that begin with `thing_`.
        provenance: Facts of its training, as JSON values.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {
        key: value.detach().half().contiguous()
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    header = json.dumps({"constants": constants, "provenance": provenance})
    write_bytes(path, serialize(tensors, metadata={HEADER: header}))


def with_things(detector: TwoLevelDetector, path: Path = THING_WEIGHTS) -> TwoLevelDetector:
    """Return a detector that embeds things by a network of their own, in evaluation mode.

    Args:
        detector: Detector.
        path: File that `save_things` wrote.

    Raises:
        ModelFileError: the file is missing, damaged, or does not fit.
    """
    network = load_things(path)
    try:
        with safe_open(path, framework="pt") as file:
            constants = json.loads((file.metadata() or {})[HEADER])["constants"]
        scoring: Scoring = replace(detector.scoring, **constants)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ModelFileError(
            f"expected the constants of an embedding of things in {path}: {error}"
        ) from error
    return detector.with_(things=network, scoring=scoring).eval()
