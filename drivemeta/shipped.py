"""What ships: the base as an ONNX file, made once and kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from functools import cache, reduce
from pathlib import Path
from typing import Any

from drivemeta.banks.beside import named_beside
from drivemeta.banks.named import NamedBank, load_bank, with_named
from drivemeta.errors import InputError, ModelFileError, adapting
from drivemeta.export.edit_classes import edit_model
from drivemeta.export.parts import write_parts
from drivemeta.export.shipped_parts import resized_parts, shipped_parts
from drivemeta.paths import BASE_WEIGHTS, NAMED_BANKS, THING_WEIGHTS, TRACED_NETWORKS, user_cache
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.manifest import package_version
from drivemeta.runtime.model_file import ModelFile, bank_of, read_model_file
from drivemeta.runtime.provider_options import Precision


def base_onnx(named: Sequence[str] = ()) -> Path:
    """Return the shipped base detector as ONNX, exporting it on first use.

    The file is kept by the digest of all that it is made from, the version of the package and what
    is named.

    Args:
        named: Shipped banks whose classes it names below its own: `signs`, `vehicles`.

    Raises:
        InputError: no such bank ships.
        MissingExtraError: its weights are of another base than ships, and torch is not installed.
        ModelFileError: the installation lacks its weights.
        OutputError: the cache folder cannot be written.
    """
    if not BASE_WEIGHTS.is_file():
        raise ModelFileError(
            f"expected the shipped weights at {BASE_WEIGHTS}, found none; install drivemeta again"
        )
    words = ["base", package_version("drivemeta"), _made_from(), *sorted(set(named))]
    path = user_cache() / ("-".join(words) + ".onnx")
    if not path.is_file():
        banks = [load_bank(name) for name in words[3:]]
        parts = shipped_parts(banks)
        if parts is None:
            _export(banks, path)
        else:
            write_parts(parts, path)
    return path


def _export(banks: Sequence[NamedBank], path: Path) -> None:
    """Export the base from weights that are not those whose networks ship traced."""
    with adapting("a shipped base of other weights"):
        from drivemeta.export.exporter import export_detector  # noqa: PLC0415
        from drivemeta.models.store import load_base  # noqa: PLC0415
    detector = load_base()
    export_detector(detector.with_(bank=reduce(with_named, banks, detector.bank)), path)


@cache
def _made_from() -> str:
    """Return the digest of the weights, the banks and the code that the base's graph is made by."""
    code = Path(__file__).parent
    files = [
        BASE_WEIGHTS,
        THING_WEIGHTS,
        TRACED_NETWORKS,
        *NAMED_BANKS.glob("*.safetensors"),
        *(code / "core").glob("scor*.py"),
        *(code / "export" / "graph").glob("*.py"),
        *(code / "models").rglob("*.py"),
    ]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def name_beside(
    model: str | Path, named: Sequence[str], out: str | Path | None = None
) -> tuple[Path, list[str]]:
    """Write a model that names the classes of shipped banks beside its own; it grows as needed.

    Args:
        model: Model adapted from the shipped base.
        named: Shipped banks: `signs`, `vehicles`.
        out: File to write; None for one that is kept in the user's cache folder.

    Returns:
        Its path, and notes on classes of the banks that are not named.

    Raises:
        InputError: no such bank ships, or a class of that name is no kind of its super-class.
        ModelFileError: the model is damaged, or its rows are not of the shipped base.
        OutputError: the file cannot be written.
    """
    file = read_model_file(model)
    _check_base(file)
    bank, notes = bank_of(file), list[str]()
    for name in sorted(set(named)):
        bank, more = named_beside(bank, load_bank(name))
        notes += [f"{name}: {note}" for note in more]
    if out is None:
        digest = hashlib.sha256(file.data + bank.crop.weights.tobytes()).hexdigest()[:16]
        words = [package_version("drivemeta"), digest, *sorted(set(named))]
        out = user_cache() / "named" / ("-".join(words) + ".onnx")
        if out.is_file():
            return out, notes
    edit_model(model, out, lambda _: bank)
    return Path(out), notes


def in_form(
    path: str | Path | None, precision: Precision, input_size: tuple[int, int] | None = None
) -> Path:
    """Return a model in another precision and for another input size, made on first use.

    It is kept in the user's cache folder. Thresholds stay what they were, also where they were set
    at another input size.

    Args:
        path: Model in float32, None for the shipped base; one that is so already is taken as it is.
        precision: Precision wanted.
        input_size: Height and width of level 1's input; the model's own if None.

    Raises:
        InputError: it is of another precision than float32, or int8 wants frames to calibrate on.
        ModelFileError: it is damaged, or is to see another input size and was not adapted from the
            shipped base.
        ParityError: it does not find what the model finds.
        OutputError: the cache folder cannot be written.
    """
    source = Path(path) if path is not None else base_onnx()
    file = read_model_file(source)
    own = (file.manifest.input.height, file.manifest.input.width)
    size = input_size or own
    if (file.manifest.precision, own) == (precision, size):
        return source
    if file.manifest.precision != "fp32":
        raise InputError(
            f"{source} is {file.manifest.precision} at {own[0]}x{own[1]}; give the fp32 model that "
            f"it was made from, to have it in {precision} at {size[0]}x{size[1]}"
        )
    digest = hashlib.sha256(file.data).hexdigest()[:16]
    words = [package_version("drivemeta"), digest, f"{size[0]}x{size[1]}", precision]
    out = user_cache() / "forms" / ("-".join(words) + ".onnx")
    if not out.is_file():
        _write_form(source, out, precision, None if size == own else size)
    return out


def _write_form(
    source: Path, out: Path, precision: Precision, input_size: tuple[int, int] | None
) -> None:
    # the quantiser and torch load slowly, and a form that is kept needs neither
    from drivemeta.export.precision.rewrite import Change, rewrite_model  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        if input_size is not None:
            source = _resized(source, input_size, Path(folder) / "again.onnx")
        out.parent.mkdir(parents=True, exist_ok=True)
        rewrite_model(source, out, Change(precision=precision))


def _resized(source: Path, input_size: tuple[int, int], out: Path) -> Path:
    """Write a model for another input size; return where."""
    parts = resized_parts(read_model_file(source), input_size)
    if parts is not None:
        write_parts(parts, out)
        return out
    with adapting("a model of another input size"):
        from drivemeta.export.restore import export_again  # noqa: PLC0415
        from drivemeta.models.store import load_base  # noqa: PLC0415
    export_again(load_base(), source, out, input_size)
    return out


def _check_base(file: ModelFile) -> None:
    base = _weights_of_base()
    if file.manifest.digests.weights != base:
        learner = file.manifest.learner.name
        raise ModelFileError(
            f"expected a model whose embedding is the shipped base's ({base[:12]}), found "
            f"{file.manifest.digests.weights[:12]} in {file.path}: it comes from another base, or "
            f"its learner{f', {learner},' if learner else ''} adapted a layer of its own, to which "
            "the rows of shipped banks mean nothing; adapt with `--learner protonet`"
        )


def _weights_of_base() -> str:
    return read_model_file(base_onnx()).manifest.digests.weights


def load_model(
    path: str | Path | None = None, *, named: Sequence[str] = (), **options: Any
) -> OnnxDetector:
    """Load an exported model; options are those of `OnnxDetector`.

    Args:
        path: Model, or None for the shipped base, which is exported once on first use.
        named: Shipped banks whose classes it names too: `signs`, `vehicles`.
        **options: `provider`, `allow_fallback`, `threads`, `max_batch`, `cuda_graph`,
            `denormal_as_zero`.
    """
    if path is None:
        path = base_onnx(named)
    elif named:
        path, _ = name_beside(path, named)
    return OnnxDetector(path, **options)
