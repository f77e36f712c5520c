"""Put in its place what learners with a branch start from: meta-trained weights, and a replay.

    python -m tools.base.build_learners replay --embedding-config configs/train_level2_stage2.yaml
    python -m tools.base.build_learners weights

`weights` copies the results of `drivemeta metatrain LEARNER configs/metatrain_signs.yaml` beside
the plugins. `replay` stores, beside the base, for each row of the shipped banks the mean feature of
the crops that it names: a base class is replayed through whatever the last layer becomes, for
3.5 kB and without an image.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from torch import Tensor

from drivemeta.banks.named import (
    BACKGROUND,
    NamedBank,
    available_banks,
    load_bank,
)
from drivemeta.config import load_config
from drivemeta.models.digest import weights_digest
from drivemeta.models.learner_store import WEIGHTS, read_if_of, write
from drivemeta.models.level2 import Level2
from drivemeta.models.store import load_base
from drivemeta.models.traced.features import Level2Features
from drivemeta.paths import REPLAY_WEIGHTS
from drivemeta.plugins import default_registry
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.training.base.embedding import EmbeddingTraining, training_crops
from drivemeta.training.base.level2_crops import VEHICLE_LIGHT, CropsByClass
from drivemeta.training.crops import crops_to_tensor, view
from drivemeta.training.meta.sign_training import SignTraining

BRANCHES = ("anil", "maml", "matching", "metasgd", "reptile", "siamese")


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("command", choices=["replay", "weights"])
    parser.add_argument("--embedding-config", type=Path)
    parser.add_argument("--config", type=Path, default=Path("configs/metatrain_signs.yaml"))
    arguments = parser.parse_args()
    level2 = load_base().level2
    assert isinstance(level2, Level2)
    if arguments.command == "replay":
        crops = training_crops(load_config(arguments.embedding_config, EmbeddingTraining))
        write(REPLAY_WEIGHTS, replay(level2, crops), level2, {})
        written = [REPLAY_WEIGHTS]
    else:
        written = copy_weights(load_config(arguments.config, SignTraining).out, level2)
    for path in written:
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def copy_weights(trained: Path, level2: Level2) -> list[Path]:
    """Copy what meta-training wrote beside each plugin; return the copies."""
    registry, copies = default_registry(), []
    for name in BRANCHES:
        path, folder = trained / name / WEIGHTS, registry.find("learner", name).folder
        if folder is None or read_if_of(path, weights_digest(level2)) is None:
            raise SystemExit(f"{path}: no weights for the shipped level 2")
        copies.append(Path(shutil.copyfile(path, folder / WEIGHTS)))
    return copies


@torch.no_grad()
def replay(level2: Level2, crops: CropsByClass) -> dict[str, Tensor]:
    """Return for each bank the (n_rows, n_features) mean features of what its rows name."""
    features, layer = Level2Features(level2), LastLayer.of(level2.project)
    glow = crops.pop(VEHICLE_LIGHT, [])
    crops[BACKGROUND] = crops.get(BACKGROUND, []) + glow
    wanted = {name for bank in map(load_bank, available_banks()) for name in bank.names}
    by_name = {
        name: features(crops_to_tensor([view(crop, 1.15) for crop in found]))
        for name, found in crops.items()
        if name in wanted
    }
    found = {}
    for name in available_banks():
        bank = load_bank(name)
        found[name] = torch.stack(
            [_mean(bank, row, by_name, layer) for row in range(len(bank.names))]
        )
        agree = (layer(found[name]) * torch.from_numpy(bank.weights)).sum(1)
        print(
            f"{name}: cosine of rows and replayed means {agree.mean():.3f}, least {agree.min():.3f}"
        )
    return found


def _mean(bank: NamedBank, row: int, by_name: dict[str, Tensor], layer: LastLayer) -> Tensor:
    """Return the mean of the features that are nearer to a row than to others of its name."""
    own = [i for i, name in enumerate(bank.names) if name == bank.names[row]]
    features = by_name[bank.names[row]]
    nearest = (layer(features) @ torch.from_numpy(bank.weights[own]).T).argmax(1)
    mine = features[nearest == own.index(row)]
    return (mine if len(mine) else features).mean(0)


if __name__ == "__main__":
    main()
