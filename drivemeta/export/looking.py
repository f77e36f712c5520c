"""The networks of an exported base as a model that looks, made once and kept; without torch."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from drivemeta.errors import ModelFileError, OutputError
from drivemeta.export.disassemble import networks_of
from drivemeta.export.graph import look
from drivemeta.files import write_bytes
from drivemeta.paths import user_cache
from drivemeta.runtime.model_file import ModelFile, bank_of


def looking_model(file: ModelFile, least_score: float) -> bytes:
    """Return what looks by the networks of a model: see `look_graph`.

    It is kept in the user's cache folder; a folder that cannot be written only costs time.

    Args:
        file: Exported base, of any precision and bank.
        least_score: Level 1's score from which boxes are embedded.

    Raises:
        ModelFileError: an embedding that its score rule speaks of is not in it, or it is not laid
            out as this version writes it.
    """
    code = Path(look.__file__).read_bytes()
    key = hashlib.sha256(file.data + code + repr(least_score).encode()).hexdigest()
    path = user_cache() / "looking" / f"{key[:32]}.onnx"
    with contextlib.suppress(OSError):
        return path.read_bytes()
    networks, scoring = networks_of(file), file.manifest.constants
    if networks.level2 is None or (scoring.thing_scale and networks.things is None):
        raise ModelFileError(
            f"expected a base with all of its networks, found {file.path}, whose bank was baked "
            "into it so that what its classes did not need was left out; give the base itself"
        )
    model = look.look_graph(networks, bank_of(file), scoring, file.manifest.input, least_score)
    data: bytes = model.SerializeToString()
    with contextlib.suppress(OutputError):
        write_bytes(path, data)
    return data
