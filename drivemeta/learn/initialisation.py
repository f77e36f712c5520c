"""Where learners with a branch start from: meta-trained weights that ship beside the base."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor, nn

from drivemeta.errors import InputError, ModelFileError
from drivemeta.export.network_cache import weights_digest
from drivemeta.files import write_bytes
from drivemeta.learn.episodes import Episode, Pairs
from drivemeta.models.branch import LastLayer
from drivemeta.models.level2 import Level2
from drivemeta.plugins.learner_protocols import Learner, MetaLearner

FOLDER = Path(__file__).parents[1] / "weights" / "learners"
REPLAY = "replay"
HEADER = "drivemeta_learner"
VANISHED = 0.001


@dataclass(frozen=True, eq=False)
class Initialisation:
    """What a learner starts from on one level 2.

    Attributes:
        learner: can be meta-trained.
        level2: its last layer is where it starts if nothing was meta-trained for it.
        weights: meta-trained state of the learner's module by name, None if there is none.
        replay: by the name of a shipped bank, (n_rows, n_features) float32 mean features of what
            its rows name; empty if there are none for this level 2.
    """

    learner: MetaLearner
    level2: Level2
    weights: dict[str, Tensor] | None
    replay: dict[str, Tensor]

    @classmethod
    def of(cls, learner: Learner, level2: Level2, folder: Path = FOLDER) -> Initialisation:
        """Look for what was shipped for a learner and a level 2; of others nothing is taken.

        Raises:
            InputError: the learner cannot be prepared for a network.
            ModelFileError: a file is damaged.
        """
        if not isinstance(learner, MetaLearner):
            raise InputError(
                f"learner {type(learner).__name__} has a branch, and must then have `prepare`, "
                "`meta_train` and `logits` too"
            )
        digest = weights_digest(level2)
        weights = read(folder / f"{type(learner).__name__.lower()}.safetensors", digest)
        replay = read(folder / f"{REPLAY}.safetensors", digest)
        return cls(learner, level2, weights, replay or {})

    def model(self) -> nn.Module:
        """Return a new module of the learner over features, where it starts from.

        Raises:
            ModelFileError: the weights are of a module of another kind.
        """
        layer = LastLayer.of(self.level2)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = self.learner.prepare(layer, FeatureShape(layer.n_features))
        if self.weights is not None:
            try:
                model.load_state_dict(self.weights)
            except RuntimeError as error:
                name = type(self.learner).__name__
                raise ModelFileError(
                    f"the meta-trained weights of {name} do not fit its parameters: {error}"
                ) from error
        return model.eval()


def write(path: Path, state: dict[str, Tensor], level2: Level2, about: dict[str, Any]) -> None:
    """Write weights for one level 2 in half precision.

    Raises:
        OutputError: the file cannot be written.
    """
    header = json.dumps({"level2": weights_digest(level2), **about})
    halves = {key: _half(value).contiguous() for key, value in state.items()}
    data = serialize(halves, metadata={HEADER: header})
    write_bytes(path, data)


def read(path: Path, digest: str) -> dict[str, Tensor] | None:
    """Return weights in float32, None if there are none or they are for another level 2.

    Raises:
        ModelFileError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            if header["level2"] != digest:
                return None
            found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelFileError(f"expected a learner's weights in {path}: {error}") from error
    return {key: v.float() if v.is_floating_point() else v for key, v in found.items()}


def _half(values: Tensor) -> Tensor:
    """Return 16-bit floats; of another exponent where values would vanish, as squares do."""
    if not values.is_floating_point():
        return values
    half = values.half()
    vanished = ((half == 0) & (values != 0)).float().mean() > VANISHED
    return values.bfloat16() if vanished else half


class FeatureShape:
    """A task source that only tells what the features look like.

    Args:
        n_features: of each.
    """

    n_way = 1

    def __init__(self, n_features: int) -> None:
        none, label = torch.zeros(0, n_features), torch.zeros(1, dtype=torch.int64)
        self._task = Episode(torch.zeros(1, n_features), label, none, label[:0], 1)

    def seek(self, iteration: int) -> None:
        """There is one task."""

    def episode(self) -> Episode:
        """Return one image of one class, all zeros."""
        return self._task

    def task(self) -> Episode:
        """Return the same."""
        return self._task

    def pairs(self) -> Pairs:
        """Return the image beside itself."""
        image = self._task.support
        return Pairs(image, image, torch.ones(1))
