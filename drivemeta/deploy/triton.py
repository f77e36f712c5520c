"""A Triton model repository: one version of a model with its bank baked in.

After NVIDIA's documentation of the model repository and of the model configuration
(docs.nvidia.com, Triton Inference Server). The dynamic batcher joins requests of one frame size.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from drivemeta.deploy.checksums import write_checksums
from drivemeta.deploy.whole_folder import whole_folder
from drivemeta.errors import InputError
from drivemeta.export.parts import Parts, write_parts
from drivemeta.runtime.manifest import Manifest
from drivemeta.runtime.model_file import read_model_file

CONFIG, LABELS, VERSION = "config.pbtxt", "labels.txt", "1"
N_ROWS = 300
WARM_UP_SIZE = (720, 1280)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class TritonRule:
    """How Triton serves the model.

    Attributes:
        max_batch: Most frames in one call.
        max_delay_us: Longest wait of a request for others, in microseconds.
        instances: Copies of the model that run at once.
        frame_size: Height and width of the only frames taken, or None for the model's rule.
    """

    max_batch: int = 8
    max_delay_us: int = 2000
    instances: int = 1
    frame_size: tuple[int, int] | None = None


def write_triton(
    model: str | Path,
    repository: str | Path,
    name: str | None = None,
    rule: TritonRule | None = None,
    *,
    replace: bool = False,
) -> Path:
    """Write `NAME/config.pbtxt`, `NAME/labels.txt` and `NAME/1/model.onnx` into a repository.

    Args:
        model: Exported model; a fed bank is baked.
        repository: Folder of all models.
        name: Name of the model; None for the file's.
        rule: Rule by which it is served.
        replace: Whether to take the place of a model of that name.

    Raises:
        ModelFileError: the model is damaged or not ours.
        InputError: a name or number cannot be, or a model of that name is there.
        OutputError: it cannot be written.
    """
    rule = rule or TritonRule()
    name = name or Path(model).stem
    _check(name, rule)
    file = read_model_file(model)
    parts = Parts.of(file).with_rules(mode="baked", frame_size=rule.frame_size)
    manifest = parts.manifest
    with whole_folder(Path(repository) / name, replace=replace) as folder:
        probe = parts.probe
        with tempfile.TemporaryDirectory() as scratch:
            data = write_parts(parts, Path(scratch) / "model.onnx", (probe.box_px, probe.score))
        (folder / VERSION).mkdir()
        (folder / VERSION / "model.onnx").write_bytes(data)
        (folder / LABELS).write_text("".join(f"{n}\n" for n in manifest.names), encoding="utf-8")
        (folder / CONFIG).write_text(config_text(name, manifest, rule), encoding="utf-8")
        write_checksums(folder, left_out=[CONFIG])
    return Path(repository) / name


def config_text(name: str, manifest: Manifest, rule: TritonRule) -> str:
    """Return the model configuration, in protobuf's text format."""
    size = manifest.input.frame_size
    height, width = size or (-1, -1)
    warm_height, warm_width = size or WARM_UP_SIZE
    licence = json.dumps(manifest.licence)
    classes = json.dumps(json.dumps([entry.model_dump() for entry in manifest.classes]))
    return f"""# Frames are uint8 BGR, (height, width, 3); boxes come in their pixels.
name: {json.dumps(name)}
platform: "onnxruntime_onnx"
max_batch_size: {rule.max_batch}
input [
  {{ name: "frames" data_type: TYPE_UINT8 dims: [ {height}, {width}, 3 ] }}
]
output [
  {{ name: "boxes" data_type: TYPE_FP32 dims: [ {N_ROWS}, 4 ] }},
  {{ name: "scores" data_type: TYPE_FP32 dims: [ {N_ROWS} ] }},
  {{
    name: "labels"
    data_type: TYPE_INT64
    dims: [ {N_ROWS} ]
    label_filename: "{LABELS}"
  }},
  {{ name: "count" data_type: TYPE_INT64 dims: [ 1 ] reshape: {{ shape: [ ] }} }}
]
dynamic_batching {{ max_queue_delay_microseconds: {rule.max_delay_us} }}
instance_group [ {{ count: {rule.instances} kind: KIND_AUTO }} ]
model_warmup [
  {{
    name: "black frame"
    batch_size: 1
    inputs {{
      key: "frames"
      value: {{
        data_type: TYPE_UINT8
        dims: [ {warm_height}, {warm_width}, 3 ]
        zero_data: true
      }}
    }}
  }}
]
parameters {{ key: "classes" value: {{ string_value: {classes} }} }}
parameters {{ key: "licence" value: {{ string_value: {licence} }} }}
version_policy: {{ latest: {{ num_versions: 1 }} }}
"""


def check_config(text: str, path: Path) -> None:
    """Refuse a configuration that does not name the model's inputs and outputs.

    Users tune this file, so it has no checksum.

    Raises:
        InputError: one is missing.
    """
    plain = re.sub(r"#.*", "", text)
    for name in ("frames", "boxes", "scores", "labels", "count"):
        if not re.search(rf'name\s*:\s*"{name}"', plain):
            raise InputError(f"{path}: expected the tensor {name!r}, found no such name")


def _check(name: str, rule: TritonRule) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"expected a model name of letters, digits, '_', '-' and '.', found {name!r}"
        )
    if min(rule.max_batch, rule.instances) < 1 or rule.max_delay_us < 0:
        raise InputError(
            f"expected a batch and a number of instances of at least 1 and a delay of at least 0, "
            f"found {rule.max_batch}, {rule.instances} and {rule.max_delay_us}"
        )
