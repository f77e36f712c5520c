"""Reading and writing a detector as one safetensors file that explains itself."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor

from drivemeta.core import BankRows, ClassBank, ClassSpec
from drivemeta.core.scoring import Scoring
from drivemeta.errors import ModelFileError
from drivemeta.files import write_bytes
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import Level2
from drivemeta.models.thing_store import with_things
from drivemeta.paths import BASE_WEIGHTS
from drivemeta.plugins.calling import Calling
from drivemeta.plugins.registry import Registry, default_registry

SCHEMA_VERSION = 1
_LEVELS = ("dense", "crop")


def save_detector(path: Path, detector: TwoLevelDetector, provenance: dict[str, Any]) -> None:
    """Write a detector in half precision; nothing half-written is left behind.

    Args:
        path: `.safetensors` file to write.
        detector: Level 1 of a detector plugin, with its `params`, and `Level2`.
        provenance: Facts of its training, as JSON values.

    Raises:
        OutputError: the file cannot be written.
        PluginError: the parameters of level 1 are no JSON values.
    """
    tensors: dict[str, Tensor] = {}
    for name in ("level1", "level2"):
        for key, value in getattr(detector, name).state_dict().items():
            if not key.endswith("num_batches_tracked"):
                tensors[f"{name}.{key}"] = value.detach().half().contiguous()
    for level in _LEVELS:
        rows: BankRows = getattr(detector.bank, level)
        for key, array in asdict(rows).items():
            tensors[f"bank.{level}.{key}"] = torch.from_numpy(np.array(array))
    with Calling(detector.level1, "params"):
        params = json.loads(json.dumps(detector.level1.params))
    header = {
        "schema_version": SCHEMA_VERSION,
        "classes": [asdict(spec) for spec in detector.bank.classes],
        "scoring": asdict(detector.scoring),
        "input_size": list(detector.input_size),
        "detector": detector.architecture,
        "detector_params": params,
        "provenance": provenance,
    }
    write_bytes(path, serialize(tensors, metadata={"drivemeta": json.dumps(header)}))


def load_detector(path: Path, registry: Registry | None = None) -> TwoLevelDetector:
    """Read a detector, in evaluation mode and float32, beside the embedding of things that ships.

    Args:
        path: The `.safetensors` file.
        registry: Plugins that its level 1 is found among; those of `default_registry` by default.

    Raises:
        ModelFileError: the file is missing, damaged, or does not fit the networks.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no file"
        raise ModelFileError(f"expected detector weights (.safetensors), found {found} at {path}")
    if path.suffix.lower() == ".onnx":
        raise ModelFileError(
            f"expected detector weights (.safetensors), found a model at {path}; classes are added "
            "to a model by `drivemeta adapt --from`"
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["drivemeta"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        detector = _assemble(header, tensors, registry or default_registry())
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ModelFileError(
            f"expected detector weights written by DriveMeta, found something else in {path}: "
            f"{error}"
        ) from error
    return with_things(detector)


def load_base(registry: Registry | None = None) -> TwoLevelDetector:
    """Return the shipped base detector, in evaluation mode.

    Args:
        registry: Plugins that its level 1 is found among; those of `default_registry` by default.

    Raises:
        ModelFileError: the installation lacks its weights.
    """
    return load_detector(BASE_WEIGHTS, registry)


def _assemble(
    header: dict[str, Any], tensors: dict[str, Tensor], registry: Registry
) -> TwoLevelDetector:
    levels = {}
    for level in _LEVELS:
        keys = ("weights", "biases", "owners", "roots")
        levels[level] = BankRows(*(tensors[f"bank.{level}.{key}"].numpy() for key in keys))
    bank = ClassBank(tuple(ClassSpec(**spec) for spec in header["classes"]), **levels)
    level1 = registry.create("detector", header["detector"], **header["detector_params"])
    level2 = Level2(levels["crop"].weights.shape[1])
    for name, module in (("level1", level1), ("level2", level2)):
        state = module.state_dict()
        for key in state:
            if not key.endswith("num_batches_tracked"):
                state[key] = tensors[f"{name}.{key}"].float()
        module.load_state_dict(state)
    height, width = header["input_size"]
    return TwoLevelDetector(
        *(level1, level2, bank, Scoring(**header["scoring"])),
        input_size=(height, width),
        architecture=header["detector"],
    ).eval()
