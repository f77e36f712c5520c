"""float16 and int8: what is converted, what is not, and what is refused."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.errors import InputError, ParityError
from drivemeta.export.disassemble import network_model, networks_of
from drivemeta.export.parts import Parts
from drivemeta.export.precision.ap_gate import GateData, GateReport, group_ap50, judge
from drivemeta.export.precision.calibration_inputs import Eyes
from drivemeta.export.precision.half import to_half
from drivemeta.export.precision.int8 import Int8Rule, ranges_of, to_int8
from drivemeta.export.precision.regions import regions_of
from drivemeta.export.precision.rewrite import Change, rewrite_model
from drivemeta.export.probe_scene import draw_scene
from drivemeta.export.verify import verify_model
from drivemeta.runtime import OnnxDetector
from drivemeta.runtime.model_file import read_model_file
from tests.helpers.int8 import random_networks_allowed

FLOAT = TensorProto.FLOAT


@pytest.fixture(scope="module")
def parts(tiny_model):
    return Parts.of(read_model_file(tiny_model))


@pytest.fixture(scope="module")
def frames():
    return [draw_scene((180, 320), seed) for seed in range(2)]


def run(graph, x):
    data = network_model(graph).SerializeToString()
    return ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})


def ops(graph, names):
    return {node.op_type for node in graph.node if node.name in names}


def test_regions_part_the_image_from_the_layers_and_these_from_decoding(parts):
    graph = parts.networks.level1
    regions = regions_of(graph)
    assert ops(graph, regions.front) == {"Sub", "Div"}
    assert {"Exp", "Sqrt"} <= ops(graph, regions.tail)
    assert not {"Exp", "Sqrt"} & ops(graph, regions.body)
    assert not {"Conv", "Gemm"} & ops(graph, regions.front)
    sums = [n for n in graph.node if n.name in regions.tail and n.op_type == "Conv"]
    assert len(sums) == 4  # of squares, at four strides
    assert len(regions.front | regions.body | regions.tail) == len(graph.node)


@pytest.mark.parametrize("level", ["level1", "level2"])
def test_half_precision_stores_the_body_in_float16_and_normalises_in_float32(parts, frames, level):
    graph = getattr(parts.networks, level)
    halved = to_half(graph)
    tail = regions_of(graph).tail
    kinds = {t.name: t.data_type for t in halved.initializer}
    used = {name for n in halved.node if n.name in tail for name in n.input}
    assert not [name for name in used if kinds.get(name) == TensorProto.FLOAT16]
    weights = [t for t in halved.initializer if np.prod(t.dims) > 100]
    assert {t.data_type for t in weights} <= {TensorProto.FLOAT16, TensorProto.INT64}
    eyes = Eyes(parts)
    x = next(eyes.inputs(level, frames))
    for expected, found in zip(run(graph, x), run(halved, x), strict=True):
        assert found.dtype == np.float32
        assert np.abs(expected - found).max() < 0.02 * max(1, np.abs(expected).max())


def test_weights_beyond_float16_are_refused():
    weights = numpy_helper.from_array(np.full((1, 3, 1, 1), 1e6, np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "conv"),
        helper.make_node("Exp", ["a"], ["y"], "exp"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 3, 4, 4])],
        [helper.make_tensor_value_info("y", FLOAT, None)],
        [weights],
    )
    with pytest.raises(InputError, match="'w' reaches 1e\\+06"):
        to_half(graph)


@pytest.mark.parametrize("form", ["u8s8", "s8s8"])
def test_int8_quantises_the_body_and_leaves_the_rest(parts, frames, form):
    graph = parts.networks.level2
    rule = Int8Rule(form)
    quantised = to_int8(graph, ranges_of(graph, Eyes(parts).inputs("level2", frames)), rule)
    regions = regions_of(graph)
    kept = {node.name for node in quantised.node}
    assert regions.tail <= kept
    assert {node.domain for node in quantised.node} == {""}
    kinds = {t.name: t for t in quantised.initializer}
    convs = [n for n in quantised.node if n.op_type == "Conv"][3:]  # the first ones stay
    assert len(convs) > 20
    made_by = {out: n for n in quantised.node for out in n.output}
    for conv in convs:
        source = made_by[conv.input[1]]
        assert source.op_type == "DequantizeLinear"
        weight = kinds[source.input[0]]
        assert weight.data_type == TensorProto.INT8
        assert len(kinds[source.input[1]].dims) == 1  # a scale for each channel
        if form == "u8s8":
            assert np.abs(numpy_helper.to_array(weight)).max() <= 64
    x = next(Eyes(parts).inputs("level2", frames))
    (expected,), (found,) = run(graph, x), run(quantised, x)
    # a random network spreads every rounding; symmetric activations waste a bit behind Clip
    assert (expected * found).sum(1).mean() > {"u8s8": 0.9, "s8s8": 0.7}[form]


def test_int8_leaves_the_first_block_boxes_and_quality_in_float(parts, frames):
    graph = parts.networks.level1
    quantised = to_int8(graph, ranges_of(graph, Eyes(parts).inputs("level1", frames)))
    sizes = {t.name: t.dims[0] for t in quantised.initializer if len(t.dims) == 4}
    whole = [node for node in quantised.node if node.op_type == "Conv" and node.input[1] in sizes]
    body = [node for node in whole if node.name not in regions_of(graph).tail]
    names = [node.name for node in graph.node if node.op_type == "Conv"][:3]
    assert [node.name for node in body[:3]] == names
    assert sorted(sizes[node.input[1]] for node in body[3:]) == [1] * 4 + [4] * 4  # four strides


def test_calibration_needs_frames(parts, tiny_model, tmp_path):
    with pytest.raises(InputError, match="expected frames to calibrate"):
        ranges_of(parts.networks.level2, iter([]))
    with pytest.raises(InputError, match="expected ranges of every activation"):
        to_int8(parts.networks.level2, {})
    with pytest.raises(InputError, match="what ships holds for networks of the shipped base"):
        rewrite_model(tiny_model, tmp_path / "x.onnx", Change("int8"))
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def rewritten(tiny_model, frames, tmp_path_factory):
    """Return the files and reports of both precisions; int8 takes seconds to calibrate."""
    folder = tmp_path_factory.mktemp("rewritten")
    half = rewrite_model(tiny_model, folder / "fp16.onnx", Change("fp16", frames=frames))
    with random_networks_allowed():
        int8 = rewrite_model(tiny_model, folder / "int8.onnx", Change("int8", frames=frames))
    return {"fp16": half, "int8": int8}


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_model_is_rewritten_and_verified(tiny_model, rewritten, precision):
    report = rewritten[precision]
    assert report.n_bytes < 0.65 * report.n_bytes_before
    assert report.agreement.n_rows > 20
    verified = verify_model(report.path, "cpu")
    assert verified.precision == precision
    # fp16 is held against fp32, int8 of a random network against itself
    assert verified.box_px < {"fp16": 0.75, "int8": 0.1}[precision]
    file = read_model_file(report.path)
    assert file.manifest.digests.weights == read_model_file(tiny_model).manifest.digests.weights
    assert networks_of(file).n_locations == 510
    assert {imported.domain for imported in file.proto.opset_import} == {""}


def test_another_bank_can_be_fed_to_an_int8_model(rewritten, lively_detector):
    model = OnnxDetector(rewritten["int8"].path, provider="cpu")
    bank = lively_detector.bank
    model.set_bank(replace(bank, classes=tuple(replace(c, threshold=0.0) for c in bank.classes)))
    assert len(model([draw_scene()])[0]) > 20


def test_a_model_that_is_not_fp32_is_refused(rewritten, tmp_path):
    with pytest.raises(InputError, match="fp16 already"):
        rewrite_model(rewritten["fp16"].path, tmp_path / "x.onnx", Change("fp16"))


def test_bank_mode_and_frame_size_change_without_torch(tiny_model, tmp_path):
    out = tmp_path / "baked.onnx"
    report = rewrite_model(tiny_model, out, Change(mode="baked", frame_size=(96, 160)))
    assert report.agreement.n_unmatched <= 2
    manifest = read_model_file(out).manifest
    assert (manifest.bank.mode, manifest.input.frame_size) == ("baked", (96, 160))
    assert verify_model(out, "cpu").n_rows >= 5


def test_the_probe_of_a_half_promises_what_the_whole_finds(tiny_model, rewritten):
    probe, half = (read_model_file(p).probe() for p in (tiny_model, rewritten["fp16"].path))
    assert half.png == probe.png
    original = OnnxDetector(tiny_model, provider="cpu")
    (found,) = original([half.image()], half.threshold)
    np.testing.assert_allclose(half.scores, found.scores, atol=1e-6)
    np.testing.assert_allclose(half.boxes, found.boxes, atol=1e-4)


def test_too_few_boxes_are_no_gate(tiny_model, tmp_path):
    boxes = np.tile(np.float32([1, 2, 8, 9]), (19, 1))
    labels, none = np.zeros(19, np.int64), np.zeros(19, bool)
    image = AnnotatedImage(tmp_path / "0.png", (20, 20), boxes, labels, none)
    data = GateData(Dataset((image,), ("vehicle",), tmp_path), {})
    with pytest.raises(InputError, match=r"at least 20 boxes .* found 19"):
        group_ap50(tiny_model, data)


def test_a_loss_beyond_the_bound_is_refused():
    before, after = {"base": 0.5, "novel": 0.4}, {"base": 0.5, "novel": 0.385}
    report = GateReport(10, before, after, {"base": 0.0, "novel": 1.5})
    judge(report, 1.5)
    with pytest.raises(
        ParityError, match=r"novel classes falls by 1\.50 points \(40\.00 to 38\.50"
    ):
        judge(report, 1.0)
