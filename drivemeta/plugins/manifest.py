"""What a plugin says of itself in its `plugin.yaml`, read without importing its code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from drivemeta.config.mistakes import list_mistakes
from drivemeta.errors import ConfigError, PluginError
from drivemeta.files import read_yaml
from drivemeta.plugins.kinds import KINDS, Kind

API_VERSION = 1
FILE_NAME = "plugin.yaml"
OF_SOURCES = ("place", "suffixes", "folders", "schemes", "patterns")


class PluginManifest(BaseModel):
    """The manifest of a plugin.

    Attributes:
        name: Name, unique among the plugins of its kind; lower case, digits, `-` and `_`.
        kind: Kind, whose protocol it fits.
        entry: `module:Class`; the module lies beside the manifest.
        api_version: Version of the protocols it was written to.
        summary: Summary in one line.
        version: Version of the plugin.
        paper: Paper that it implements: authors, title, year, arXiv number.
        extra: Optional dependency group of DriveMeta that it needs.
        place: Parameter of a source that is given what to read: the path of a file or folder, an
            address, a pattern, or the REST of `NAME:REST`, as text.
        suffixes: Endings of the files that a source reads, in lower case with their dot; `*` for
            those that no source claims.
        folders: Names of files or folders by which a source knows a folder as its own; `*` for
            folders that no source claims.
        schemes: Schemes of the addresses that a source reads: `rtsp` for `rtsp://...`.
        patterns: Signs that make a text a pattern of paths that a source reads.
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
    place: str = Field("place", pattern=r"^[A-Za-z_]\w*$")
    suffixes: tuple[Annotated[str, Field(pattern=r"^(\*|\.[^A-Z/]+)$")], ...] = ()
    folders: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    schemes: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*$")], ...] = ()
    patterns: tuple[Annotated[str, Field(min_length=1, max_length=1)], ...] = ()

    @field_validator(*OF_SOURCES)
    @classmethod
    def _of_a_source(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("kind", "source") != "source":
            raise ValueError("is for sources only")
        return value


def load_manifest(path: Path) -> dict[str, Any]:
    """Read a `plugin.yaml` without checking its values.

    Raises:
        PluginError: it cannot be read or holds no mapping.
    """
    try:
        values = read_yaml(path, "the plugin manifest")
    except ConfigError as error:
        raise PluginError(str(error)) from error
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
