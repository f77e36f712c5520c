"""What a bug report needs, in one file: versions, providers, a model's manifest, a run's summary.

No pictures, no weights; what may tell of a person is taken out of every text: folders in homes,
names and passwords in addresses, and what stands behind their `?`.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
import zipfile
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from drivemeta.errors import InputError, ModelFileError
from drivemeta.files import atomic_path
from drivemeta.runtime.doctor import MachineReport
from drivemeta.runtime.model_file import read_model_file

VARIABLES = (  # those that change what runs, and tell nothing of whoever set them
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "CUDA_VISIBLE_DEVICES"),
    *("ORT_DISABLE_TELEMETRY", "TF32_OVERRIDE", "LANG"),
)
SUMMARY = "summary.json"
_HOMES = r"(?:/home/[^/\s\"']+|/Users/[^/\s\"']+|/root|[A-Za-z]:[\\/]Users[\\/][^\\/\s\"']+)"
_FOLDER, _LAST = r"[\\/][^\\/\n\"':,;]*(?=[\\/])", r"[\\/][^\s\"':,;)]*"  # blanks in folders only
_REST = f"((?:{_FOLDER})*(?:{_LAST})?)"
_LOGIN = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?\"']+)\?[^\s\"']+", re.IGNORECASE)


def write_bundle(
    path: Path, diagnosis: MachineReport, model: Path | None = None, run: Path | None = None
) -> list[str]:
    """Write what a bug report needs into a ZIP; it appears whole or not at all.

    Args:
        path: File to write.
        diagnosis: Findings of the doctor.
        model: Model whose manifest is told; None for none.
        run: Folder of a run, whose summary is told; None for none.

    Returns:
        Names of the files in it.

    Raises:
        InputError: the folder of the run has no summary.
        OutputError: the file cannot be written.
    """
    files: dict[str, Any] = {
        "doctor.json": [asdict(finding) for finding in diagnosis.findings],
        "versions.json": versions(),
    }
    if model is not None:
        files["model.json"] = model_facts(model)
    if run is not None:
        files["summary.json"] = _summary(run)
    with atomic_path(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files.items():
            text = json.dumps(without_persons(content), indent=1, ensure_ascii=False)
            bundle.writestr(name, text + "\n")
    return list(files)


def versions() -> dict[str, Any]:
    """Return the versions of the system, of Python and of all that is installed."""
    installed = {
        str(each.metadata["Name"]): each.version
        for each in metadata.distributions()
        if each.metadata["Name"]
    }
    return {
        "system": platform.platform(),
        "python": sys.version,
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "installed": dict(sorted(installed.items(), key=lambda pair: pair[0].lower())),
    }


def model_facts(path: Path) -> dict[str, Any]:
    """Return a model's size, digest and manifest, or why it cannot be read."""
    try:
        file = read_model_file(path)
    except ModelFileError as error:
        return {"file": path.name, "problem": str(error)}
    return {
        "file": path.name,
        "bytes": len(file.data),
        "sha256": hashlib.sha256(file.data).hexdigest(),
        "manifest": file.manifest.model_dump(mode="json"),
    }


def last_run(folder: Path) -> Path | None:
    """Return the folder of the newest run in or just below a folder, None if there is none."""
    found = [*folder.glob(SUMMARY), *folder.glob(f"*/{SUMMARY}")]
    return max(found, key=lambda path: path.stat().st_mtime).parent if found else None


def without_persons(value: Any) -> Any:
    """Return JSON values whose texts tell of no home folder, login or token.

    >>> without_persons({"source": "/home/ann/secret plans/drive.mp4"})
    {'source': '~/.../drive.mp4'}
    >>> without_persons(["rtsp://ann:pass@camera/live?token=7", "none in /root/venv/lib/x.py: 3"])
    ['rtsp://...@camera/live?...', 'none in ~/.../x.py: 3']
    """
    if isinstance(value, dict):
        return {without_persons(key): without_persons(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_persons(each) for each in value]
    if not isinstance(value, str):
        return value
    homes = rf"(?:{re.escape(str(Path.home()))}(?![^\\/\s\"':,;)])|{_HOMES})"
    whole = re.fullmatch(rf"{homes}((?:[\\/][^:\n]*)?)", value)  # a path, which may hold blanks
    if whole:
        return _shortened(whole)
    text = re.sub(homes + _REST, _shortened, value)
    return _QUERY.sub(r"\1?...", _LOGIN.sub(r"\1...@", text))


def _shortened(home: re.Match[str]) -> str:
    """Return `~` for a path in a home, with the last part of what follows the home."""
    name = re.split(r"[\\/]", home[1].rstrip("\\/"))[-1]
    return f"~/.../{name}" if name else "~"


def _summary(run: Path) -> Any:
    path = run / SUMMARY
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"--run: expected the folder of a run with its {SUMMARY}: {error}"
        ) from error
