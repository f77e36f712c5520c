"""The kinds of meta-training that a configuration may be of, as its `kind` says."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from drivemeta.config import load_config
from drivemeta.training.meta.omniglot_training import MetaTraining
from drivemeta.training.meta.sign_training import SignTraining


class _Kind(BaseModel):
    """The one key that both kinds have; the others are checked by the model of the kind."""

    model_config = ConfigDict(extra="ignore")

    kind: Literal["omniglot", "signs"]


def load_meta_training(path: Path) -> MetaTraining | SignTraining:
    """Read what `drivemeta metatrain` is to do.

    Args:
        path: YAML file whose `kind` is `omniglot` or `signs`.

    Raises:
        ConfigError: the file cannot be read, or is of no such kind; lists every mistake.
    """
    if load_config(path, _Kind).kind == "signs":
        return load_config(path, SignTraining)
    return load_config(path, MetaTraining)
