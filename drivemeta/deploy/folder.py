"""A portable folder: model, manifest, checksums, and clients that need no DriveMeta."""

from __future__ import annotations

from pathlib import Path

from drivemeta.deploy.checksums import write_checksums
from drivemeta.deploy.whole_folder import whole_folder
from drivemeta.runtime.manifest import Manifest
from drivemeta.runtime.model_file import read_model_file

TEMPLATES = Path(__file__).parent / "templates"
MODEL = "model.onnx"
CLIENTS = ("client.py", "client.mjs", "package.json", "client.cpp", "CMakeLists.txt")
REQUIREMENTS = "numpy\nonnxruntime\nopencv-python\n"


def write_folder(model: str | Path, out: str | Path, *, replace: bool = False) -> Path:
    """Write the folder; it appears whole or not at all.

    Args:
        model: Exported model.
        out: Folder to write.
        replace: Whether to take the place of a folder that is there.

    Raises:
        ModelFileError: the model is damaged or not ours.
        InputError: the folder is there and is not to be replaced.
        OutputError: it cannot be written.
    """
    file = read_model_file(model)
    with whole_folder(out, replace=replace) as folder:
        (folder / MODEL).write_bytes(file.data)
        texts = {
            "manifest.json": file.manifest.model_dump_json(indent=1) + "\n",
            "labels.txt": "".join(f"{name}\n" for name in file.manifest.names),
            "requirements.txt": REQUIREMENTS,
            "README.md": _readme(file.manifest),
        }
        texts |= {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in CLIENTS}
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        write_checksums(folder)
    return Path(out)


def _readme(manifest: Manifest) -> str:
    size = manifest.input.frame_size
    frames = f"of {size[0]}x{size[1]} pixels (height x width)" if size else "of any size"
    return f"""# A detector of {", ".join(manifest.names)}

`{MODEL}` takes uint8 BGR frames {frames} and gives boxes in their pixels, scores and labels
(`labels.txt`, one name a line, the first is 0). Precision: {manifest.precision}.

Licence: {manifest.licence}

```sh
sha256sum -c SHA256SUMS                                  # nothing was changed
pip install -r requirements.txt && python client.py frame.jpg
npm install --ignore-scripts && node client.mjs frame.ppm  # ffmpeg -i frame.jpg frame.ppm
cmake -B build -DORT_HOME=/opt/onnxruntime && cmake --build build && build/client frame.ppm
```
"""
