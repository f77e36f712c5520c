"""What a plugin says of itself in its `plugin.yaml`, read without importing its code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivemeta.config.mistakes import list_mistakes
from drivemeta.errors import PluginError
from drivemeta.plugins.protocols import KINDS, Kind

API_VERSION = 1
FILE_NAME = "plugin.yaml"


class PluginManifest(BaseModel):
    """The manifest of a plugin.

    Attributes:
        name: unique among the plugins of its kind; lower case, digits, `-` and `_`.
        kind: what protocol it fits.
        entry: `module:Class`; the module lies beside the manifest.
        api_version: of the protocols it was written to.
        summary: one line.
        version: of the plugin.
        paper: authors, title, year, arXiv number, where it implements one.
        extra: optional dependency group of DriveMeta that it needs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    kind: Kind
    entry: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    api_version: int
    summary: str
    version: str = ""
    paper: str | None = None
    extra: str | None = None


def load_manifest(path: Path) -> dict[str, Any]:
    """Read a `plugin.yaml` without checking its values.

    Raises:
        PluginError: it cannot be read or holds no mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PluginError(f"cannot read the plugin manifest {path}: {error}") from error
    if not isinstance(values, dict):
        raise PluginError(
            f"plugin manifest {path}: expected keys and values, found {type(values).__name__}"
        )
    return values


def parse_manifest(values: dict[str, Any], where: str) -> PluginManifest:
    """Check a manifest's values; `where` names their origin in messages.

    Raises:
        PluginError: lists every mistake, or names the API version that was expected.
    """
    try:
        manifest = PluginManifest.model_validate(values)
    except ValidationError as error:
        mistakes = "; ".join(list_mistakes(error, PluginManifest))
        raise PluginError(f"invalid plugin manifest {where}: {mistakes}") from error
    if manifest.api_version != API_VERSION:
        raise PluginError(
            f"plugin manifest {where}: expected api_version {API_VERSION}, "
            f"found {manifest.api_version}"
        )
    return manifest


def folder_of(kind: Kind) -> str:
    """Return the folder name of a kind.

    >>> folder_of("learner")
    'learners'
    """
    if kind not in KINDS:
        raise ValueError(f"expected one of {', '.join(KINDS)}, found {kind!r}")
    return f"{kind}s"
