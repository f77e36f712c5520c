"""Where learners with a branch start from: meta-trained weights beside the plugin, or given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from drivemeta.errors import ModelFileError
from drivemeta.models.digest import weights_digest
from drivemeta.models.learner_store import WEIGHTS, read, read_if_of
from drivemeta.models.level2 import Level2
from drivemeta.paths import REPLAY_WEIGHTS
from drivemeta.plugins.calling import Calling
from drivemeta.plugins.learner.episodes import Episode, Pairs
from drivemeta.plugins.learner.last_layer import LastLayer
from drivemeta.plugins.learner.protocol import Learner, MetaLearner, meta_learner
from drivemeta.plugins.loaded import Loaded


@dataclass(frozen=True, eq=False)
class Initialisation:
    """What a learner starts from on one level 2.

    Attributes:
        name: Name of the learner.
        learner: Learner that can be meta-trained.
        layer: Last layer that is the start if nothing was meta-trained for it.
        weights: Meta-trained state of the learner's module by name, None if there is none.
        replay: By the name of a shipped bank, (n_rows, n_features) float32 mean features of what
            its rows name; empty if there are none for this level 2.
    """

    name: str
    learner: MetaLearner
    layer: LastLayer
    weights: dict[str, Tensor] | None
    replay: dict[str, Tensor]

    @classmethod
    def of(
        cls, plugin: Loaded[Learner], level2: Level2, weights: Path | None = None
    ) -> Initialisation:
        """Take the weights given, else those beside the plugin if they are for this level 2.

        Args:
            plugin: Learner with a branch.
            level2: Network that it starts from.
            weights: File that `drivemeta metatrain` wrote.

        Raises:
            InputError: the learner cannot be meta-trained, hence not prepared for a network.
            ModelFileError: a file is damaged, or the weights given are of another learner or for
                another level 2.
        """
        learner = meta_learner(plugin.object, plugin.name)
        digest, state = weights_digest(level2), None
        if weights is not None:
            state = _given(weights, plugin.name, digest)
        elif plugin.folder is not None:
            state = read_if_of(plugin.folder / WEIGHTS, digest)
        layer, replay = LastLayer.of(level2.project), read_if_of(REPLAY_WEIGHTS, digest)
        return cls(plugin.name, learner, layer, state, replay or {})

    @classmethod
    def untrained(cls, plugin: Loaded[Learner], layer: LastLayer) -> Initialisation:
        """Start from a layer that nothing was meta-trained for.

        Raises:
            InputError: the learner cannot be prepared for a network.
        """
        return cls(plugin.name, meta_learner(plugin.object, plugin.name), layer, None, {})

    def model(self) -> nn.Module:
        """Return a new module of the learner over features, where it starts from.

        Raises:
            ModelFileError: the weights are of a module of another kind.
            PluginError: the learner fails, or gives something else.
        """
        layer = LastLayer.of(self.layer.project)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            preparing = Calling(self.learner, "prepare")
            with preparing:
                task = FeatureTasks(layer.n_features)
                model = preparing.returned(self.learner.prepare(layer, task), nn.Module)
        if self.weights is not None:
            try:
                model.load_state_dict(self.weights)
            except RuntimeError as error:
                raise ModelFileError(
                    f"the meta-trained weights of {self.name} do not fit its parameters: {error}"
                ) from error
        return model.eval()


def _given(path: Path, learner: str, level2: str) -> dict[str, Tensor]:
    """Return weights that were given; unlike those beside a plugin, they must fit."""
    found = read(path)
    if found.learner != learner:
        raise ModelFileError(
            f"expected weights of learner {learner}, found those of {found.learner or 'none'} in "
            f"{path}"
        )
    if found.level2 != level2:
        raise ModelFileError(
            f"the weights in {path} were meta-trained over another level 2 than the detector's; "
            "run `drivemeta metatrain` with `level2` set to its weights"
        )
    return found.state


class FeatureTasks:
    """A task source that only shows what the features are like.

    Args:
        n_features: Number of features of an image.
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
