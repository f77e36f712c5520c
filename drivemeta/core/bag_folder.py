"""The files of a recording: one, or those of a ROS 2 bag's folder."""

from __future__ import annotations

from pathlib import Path

from drivemeta.errors import ConfigError, VideoError
from drivemeta.files import read_yaml


def recording_files(path: Path) -> list[Path]:
    """Return a recording's files in the order they were recorded in.

    Args:
        path: File, or the folder of a bag of ROS 2 with its `metadata.yaml`.

    Raises:
        VideoError: the folder is no bag, or lacks a file of it.
    """
    if path.is_file():
        return [path]
    description = path / "metadata.yaml"
    if not description.is_file():
        raise VideoError(
            f"expected an MCAP file, a .bag file, or the folder of a bag of ROS 2 with its "
            f"metadata.yaml, found none at {path}"
        )
    try:
        told = read_yaml(description)
        names = told["rosbag2_bagfile_information"]["relative_file_paths"]
        files = [path / str(name) for name in names]
    except (ConfigError, KeyError, TypeError) as error:
        raise VideoError(f"expected a ROS 2 bag's metadata, cannot read {description}") from error
    for file in files:
        if not file.is_file():
            raise VideoError(f"expected {file}, as {description} says, found none")
    return files


def is_of_rosbags(files: list[Path]) -> bool:
    """Tell whether files are a bag of ROS 1 or of ROS 2 in SQLite, not MCAP."""
    return any(file.suffix.lower() in (".bag", ".db3", ".zstd") for file in files)
