"""Verifying what `drivemeta deploy` wrote: sums, configuration, and the model by its probe."""

from __future__ import annotations

from pathlib import Path

from drivemeta.deploy.checksums import check_checksums
from drivemeta.deploy.folder import MODEL
from drivemeta.deploy.ros2 import ROS2_MODEL
from drivemeta.deploy.triton import CONFIG, LABELS, VERSION, check_config
from drivemeta.errors import ModelFileError
from drivemeta.export.verify import VerifyReport, verify_model


def verify_deployed(path: str | Path, provider: str = "auto") -> list[VerifyReport]:
    """Verify a model file, a portable folder, a package of ROS 2, or Triton models.

    Raises:
        ModelFileError: something is damaged, absent or was changed.
        InputError: Triton's configuration does not name the model's tensors.
        ParityError: a probe does not give the rows promised.
        ProviderError: the provider requested does not run.
    """
    path = Path(path)
    if not path.is_dir():
        return [verify_model(path, provider)]
    if (path / CONFIG).is_file():
        return [_verify_triton(path, provider)]
    if (path / ROS2_MODEL).is_file():
        check_checksums(path)
        return [verify_model(path / ROS2_MODEL, provider)]
    if (path / MODEL).is_file():
        check_checksums(path)
        report = verify_model(path / MODEL, provider)
        _check_labels(path / LABELS, report.classes)
        return [report]
    models = sorted(child.parent for child in path.glob(f"*/{CONFIG}"))
    if not models:
        raise ModelFileError(
            f"expected a folder written by `drivemeta deploy` at {path}, found neither {MODEL} nor "
            f"{CONFIG} in it"
        )
    return [_verify_triton(model, provider) for model in models]


def _verify_triton(folder: Path, provider: str) -> VerifyReport:
    check_checksums(folder)
    check_config((folder / CONFIG).read_text(encoding="utf-8"), folder / CONFIG)
    report = verify_model(folder / VERSION / "model.onnx", provider)
    _check_labels(folder / LABELS, report.classes)
    return report


def _check_labels(path: Path, classes: tuple[str, ...]) -> None:
    try:
        found = tuple(path.read_text(encoding="utf-8").splitlines())
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    if found != classes:
        raise ModelFileError(f"{path} does not name the model's {len(classes)} classes in order")
