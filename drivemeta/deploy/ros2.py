"""A package of ROS 2 (`ament_python`): a node that detects, with the model in it."""

from __future__ import annotations

import re
from pathlib import Path

from drivemeta.deploy.checksums import write_checksums
from drivemeta.deploy.whole_folder import whole_folder
from drivemeta.errors import InputError
from drivemeta.runtime.manifest import Manifest
from drivemeta.runtime.model_file import read_model_file

TEMPLATES = Path(__file__).parent / "templates" / "ros2"
PACKAGE = "drivemeta_detector"  # as the templates call it
ROS2_MODEL, DESCRIPTION = Path("models") / "model.onnx", "package.xml"
_NAME = re.compile(r"[a-z](_?[a-z0-9])+")  # REP 144


def write_ros2(
    model: str | Path, out: str | Path, name: str | None = None, *, replace: bool = False
) -> Path:
    """Write the package; it appears whole or not at all.

    Args:
        model: Exported model.
        out: Folder of packages, such as `src` of a workspace.
        name: Name of the package; None for `drivemeta_detector`.
        replace: Whether to take the place of a package of that name.

    Raises:
        ModelFileError: the model is damaged or not ours.
        InputError: no package may have the name, or one of that name is there.
        OutputError: it cannot be written.
    """
    name = name or PACKAGE
    if not _NAME.fullmatch(name):
        raise InputError(
            "--name: expected a package's name of small letters, digits and single '_', found "
            f"{name!r}"
        )
    file = read_model_file(model)
    with whole_folder(Path(out) / name, replace=replace) as folder:
        for template in sorted(path for path in TEMPLATES.rglob("*") if path.is_file()):
            if template.suffix == ".pyc":
                continue
            place = folder / template.relative_to(TEMPLATES).as_posix().replace(PACKAGE, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            text = template.read_text(encoding="utf-8").replace(PACKAGE, name)
            if template.name == "README.md":
                for mark, told in _told(file.manifest).items():
                    text = text.replace(mark, told)
            place.write_text(text, encoding="utf-8")
        (folder / "resource").mkdir()
        (folder / "resource" / name).touch()  # by which ROS finds the package
        (folder / ROS2_MODEL).parent.mkdir()
        (folder / ROS2_MODEL).write_bytes(file.data)
        write_checksums(folder, left_out=[DESCRIPTION])
    return Path(out) / name


def _told(manifest: Manifest) -> dict[str, str]:
    """Return what stands in the README in place of its marks."""
    size = manifest.input.frame_size
    return {
        "@CLASSES@": ", ".join(manifest.names),
        "@FRAMES@": f"of {size[0]}x{size[1]} pixels (height x width)" if size else "of any size",
        "@PRECISION@": manifest.precision,
        "@LICENCE@": manifest.licence,
    }
