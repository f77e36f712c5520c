"""An exported file taken apart and put together again."""

import subprocess
import sys

import pytest

from drivemeta.errors import ModelFileError
from drivemeta.export.disassemble import networks_of
from drivemeta.export.exporter import ExportOptions, export_detector
from drivemeta.export.graph.assemble import assemble
from drivemeta.runtime.model_file import ModelFile, bank_of, graph_digest, read_model_file


def again(file):
    m = file.manifest
    return assemble(networks_of(file), bank_of(file), m.constants, m.input, m.bank)


def test_a_file_is_assembled_from_its_parts_bit_for_bit(tiny_model):
    file = read_model_file(tiny_model)
    assert graph_digest(again(file).graph) == file.manifest.digests.graph


def test_a_baked_file_is_too(lively_detector, tmp_path):
    options = ExportOptions(bank="baked", frame_size=(96, 160))
    export_detector(lively_detector, tmp_path / "baked.onnx", options=options)
    file = read_model_file(tmp_path / "baked.onnx")
    assert graph_digest(again(file).graph) == file.manifest.digests.graph


def test_no_torch_is_needed():
    code = (
        "import sys, drivemeta.export.disassemble, drivemeta.export.graph.assemble; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("stem", ["level1", "level2"])
def test_a_graph_that_is_laid_out_otherwise_is_refused(tiny_model, stem):
    file = read_model_file(tiny_model)
    proto = type(file.proto)()
    proto.CopyFrom(file.proto)
    branch = next(n for n in proto.graph.node if n.op_type == "If")
    for graph in (proto.graph, *(a.g for a in branch.attribute)):
        for node in graph.node:
            node.name = node.name.replace(f"{stem}_", "other_")
    with pytest.raises(ModelFileError, match=f"no nodes of {stem}"):
        networks_of(ModelFile(file.path, file.data, proto, file.manifest))
