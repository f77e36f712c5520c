"""Which clips a project is about, kept beside its annotations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from drivemeta.errors import ConfigError, InputError
from drivemeta.files import write_text

SETTINGS = "project.json"


def clips_of(folder: Path, given: Sequence[Path]) -> dict[str, Path]:
    """Return the clips of a project by name: those that it has, and those given anew.

    A clip that was moved is found by the name of its file among those given.

    Args:
        folder: Folder of the project, which need not be there.
        given: Videos and folders of pictures.

    Raises:
        InputError: there is no clip at all, one given is not there, or one was moved or removed.
        ConfigError: the project's list is damaged.
    """
    clips = _listed(folder / SETTINGS)
    for path in (each.absolute() for each in given):
        if not path.exists():
            raise InputError(f"expected a video or a folder of pictures, found nothing at {path}")
        moved = [name for name, old in clips.items() if old.name == path.name and not old.exists()]
        if path not in clips.values():
            clips[moved[0] if moved else _new_name(path, clips)] = path
    lost = [f"{name} ({path})" for name, path in clips.items() if not path.exists()]
    if lost:
        raise InputError(
            f"expected the clips of the project {folder}, cannot find {', '.join(lost)}; put them "
            "back, or give their new place: drivemeta teach VIDEO --project FOLDER"
        )
    if not clips:
        raise InputError(
            "expected a video or a folder of images to teach on, found none: drivemeta teach "
            "drive.mp4"
        )
    return clips


def keep_clips(folder: Path, clips: Mapping[str, Path]) -> None:
    """Write which clips a project is about.

    Raises:
        OutputError: it cannot be written.
    """
    listed = {"clips": {name: str(path) for name, path in clips.items()}}
    write_text(folder / SETTINGS, json.dumps(listed, indent=1, ensure_ascii=False) + "\n")


def _listed(path: Path) -> dict[str, Path]:
    if not path.is_file():
        return {}
    try:
        clips = json.loads(path.read_text("utf-8"))["clips"]
        return {_checked(name): Path(place) for name, place in clips.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f'{path}: expected {{"clips": {{NAME: PATH}}}}, found something else ({error}); mend '
            "it, or begin another project"
        ) from error


def _checked(name: str) -> str:
    if name != _plain(name):
        raise ValueError(f"the name {name!r} of a clip")
    return name


def _new_name(path: Path, taken: Mapping[str, Path]) -> str:
    stem = _plain(path.stem)
    names = (stem if number == 1 else f"{stem}_{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _plain(name: str) -> str:
    """Return a name that is fit for a file and an address.

    >>> _plain("2024-01-05 12:30 <b>")
    '2024-01-05_12_30__b_'
    """
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name) or "clip"
