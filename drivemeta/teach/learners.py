"""Which learners the page can teach by: those whose rows name what was seen of the clips before."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivemeta.adaptation.learner_choice import EXTENSIBLE
from drivemeta.errors import InputError
from drivemeta.plugins.learner.protocol import BranchLearner
from drivemeta.plugins.registry import Registry, default_registry


@dataclass(frozen=True)
class PageLearner:
    """A learner that the page can teach by.

    Attributes:
        name: Name of the learner.
        registry: Plugins that it is found among.

    Raises:
        PluginNotFoundError: no such learner.
        PluginError: it cannot be loaded or built.
        InputError: it scores by more than rows over the embedding that the base has.
    """

    name: str = EXTENSIBLE
    registry: Registry = field(default_factory=default_registry)

    def __post_init__(self) -> None:
        learner = self.registry.build("learner", self.name).object
        if isinstance(learner, BranchLearner) and learner.has_branch:
            raise InputError(
                f"--learner {self.name}: expected a learner that makes rows alone, such as "
                f"{EXTENSIBLE}, found one that makes a branch of level 2: all that was seen of the "
                "clips would have to be looked at again after every click; teach without it, and "
                "give the annotations that the page exports to "
                f"`drivemeta adapt --learner {self.name}`"
            )
