"""The exported file against the torch detector and the numpy reference."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from drivemeta.core import BankRows, ClassSpec
from drivemeta.core.score_rule import score_locations
from drivemeta.errors import InputError, OutputError, ParityError, PluginError
from drivemeta.export.exporter import ExportOptions, export_detector
from drivemeta.export.graph.assemble import Networks, assemble
from drivemeta.export.parity import check_parity, torch_dense, torch_rows
from drivemeta.export.probe_scene import draw_noise, draw_scene
from drivemeta.export.verify import verify_model
from drivemeta.models.traced.networks import level1_graph, level2_graph
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.manifest import BankRule, InputRule
from drivemeta.runtime.model_file import external_tensors, read_model_file
from drivemeta.runtime.probe import RowArrays, compare_rows


@pytest.fixture(scope="module")
def running(tiny_model):
    return OnnxDetector(tiny_model, provider="cpu", threads=1)


def agree(detector, frame, found, min_score=0.001):
    expected = torch_rows(detector, torch_dense(detector, frame), min_score)
    rows = compare_rows(expected, RowArrays(found.boxes, found.scores, found.labels))
    assert rows.n_rows > 20
    assert rows.n_unmatched <= 2, rows


@pytest.mark.parametrize("size", [(128, 192), (77, 301), (600, 200), (45, 40), (720, 1280)])
def test_rows_equal_the_reference_for_any_frame_size(lively_detector, running, size):
    frame = draw_scene(size, seed=size[0])
    agree(lively_detector, frame, running([frame], min_score=0.001)[0])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_rows_equal_the_reference_in_batches(lively_detector, running, n):
    frames = [draw_noise((90, 160), seed) for seed in range(n - 1)] + [draw_scene((90, 160))]
    for frame, found in zip(frames, running(frames, min_score=0.001), strict=True):
        agree(lively_detector, frame, found)


def test_leaves_and_parents_are_found(running):
    found = running([draw_scene()], min_score=0.001)[0]
    assert {"vehicle", "traffic_sign"} < set(found.names)
    assert any(name.startswith("leaf") for name in found.names)
    assert (np.diff(found.scores) <= 0).all()
    assert found.boxes.min() >= 0
    assert found.boxes[:, 2].max() <= 640


@pytest.mark.parametrize("mode", ["fed", "baked"])
def test_a_detector_without_leaves(lively_detector, mode):
    whole = lively_detector.bank
    none = type(whole.crop).empty(whole.crop.weights.shape[1])
    detector = lively_detector.with_(bank=replace(whole, classes=whole.classes[:5], crop=none))
    rule = BankRule(mode=mode, capacity=64, dense_dim=64, crop_dim=128)
    networks = Networks(
        level1_graph(detector.level1, (128, 192)), level2_graph(detector.level2), 510
    )
    size = InputRule(height=128, width=192)
    model = assemble(networks, detector.bank, detector.scoring, size, rule)
    expected = [torch_dense(detector, draw_scene((100, 180)))]
    assert check_parity(model, detector, expected).n_rows > 20


def test_baked_and_fixed_model(lively_detector, tmp_path):
    path = tmp_path / "baked.onnx"
    options = ExportOptions(frame_size=(96, 160), bank="baked", frames=[draw_scene((96, 160), 5)])
    report = export_detector(
        lively_detector, path, input_size=(64, 128), learner_params={"shots": 5}, options=options
    )
    assert report.manifest.bank.mode == "baked"
    assert report.parity.n_frames == 3
    model = OnnxDetector(path, provider="cpu")
    assert model.manifest.learner.params == {"shots": 5}
    frames = [draw_scene((96, 160), 1), draw_noise((96, 160))]
    assert len(model(frames, min_score=0.001)) == 2
    assert [i.name for i in onnx.load(path).graph.input] == ["frames", "thresholds"]
    with pytest.raises(InputError, match="frames of 96x160 only, found 90x160"):
        model([draw_scene((90, 160))])
    with pytest.raises(InputError, match="--bank fed"):
        model.set_bank(lively_detector.bank)


def test_the_file_is_valid_and_self_contained(tiny_model):
    model = onnx.load(tiny_model)
    onnx.checker.check_model(model, full_check=True)
    assert list(external_tensors(model.graph)) == []
    assert list(tiny_model.parent.iterdir()) == [tiny_model]
    inputs = {i.name for i in model.graph.input}
    assert inputs >= {"frames", "thresholds", "dense_weights", "crop_weights", "crop_count"}
    dims = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert dims == ["N", "H", "W", 3]


def test_the_manifest_tells_what_was_exported(tiny_model, lively_detector):
    manifest = read_model_file(tiny_model).manifest
    assert manifest.names == lively_detector.bank.names
    assert [entry.spec() for entry in manifest.classes] == list(lively_detector.bank.classes)
    assert (manifest.input.height, manifest.input.width) == (128, 192)
    assert manifest.learner.name == "protonet"
    assert manifest.digests.support == "0" * 64
    assert len(manifest.digests.weights) == 64


def test_exports_of_one_detector_are_equal(tiny_model, lively_detector, tmp_path):
    again = tmp_path / "again.onnx"
    export_detector(lively_detector, again, learner="protonet", support_digest="0" * 64)
    digests = [read_model_file(path).manifest.digests for path in (tiny_model, again)]
    assert digests[0] == digests[1]


class Drifting(torch.nn.Module):
    """A network that computes something else once it is traced."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.dim = network.dim

    def forward(self, images):
        out = self.network(images)
        return out._replace(boxes=out.boxes + 3) if torch.jit.is_tracing() else out


def test_a_model_that_disagrees_is_not_written(lively_detector, tmp_path):
    wrong = lively_detector.with_(bank=lively_detector.bank)
    wrong.level1 = Drifting(lively_detector.level1)
    with pytest.raises(ParityError, match=r"dense_box_px is 3.*Nothing was written"):
        export_detector(wrong, tmp_path / "wrong.onnx")
    assert not list(tmp_path.iterdir())


def test_a_score_that_reaches_no_row_is_compared_too(lively_detector, tiny_model):
    """The weakest place of all makes no row; its score alone is moved a little."""
    model, scoring = read_model_file(tiny_model).proto, lively_detector.scoring
    reference = torch_dense(lively_detector, draw_scene())
    check_parity(model, lively_detector, [reference])
    scores = score_locations(reference.dense, lively_detector.bank.dense, scoring)[0]
    quality = reference.dense.quality.copy()
    quality[scores.argmin()] += 0.5
    moved = replace(reference, dense=replace(reference.dense, quality=quality))
    with pytest.raises(ParityError, match=r": dense_score is [^;]*\. Nothing was written"):
        check_parity(model, lively_detector, [moved])


def test_input_sizes_are_multiples_of_64(lively_detector, tmp_path):
    with pytest.raises(InputError, match="multiples of 64, found 100x200"):
        export_detector(lively_detector, tmp_path / "x.onnx", input_size=(100, 200))


def test_a_bank_beyond_its_capacity_is_refused(lively_detector, tmp_path):
    with pytest.raises(InputError, match="--bank-capacity"):
        export_detector(
            lively_detector, tmp_path / "x.onnx", options=ExportOptions(bank_capacity=12)
        )


def test_a_bank_of_many_classes_is_given_the_room_it_needs(lively_detector, tmp_path):
    bank, n = lively_detector.bank, 300
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(n, bank.crop.weights.shape[1])).astype(np.float32)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    labels = np.arange(len(bank.classes), len(bank.classes) + n, dtype=np.int64)
    root = bank.index("traffic_sign")
    rows = BankRows(weights, np.zeros(n, np.float32), labels, np.full(n, root, np.int64))
    more = [ClassSpec(f"sign{i}", parent="traffic_sign", threshold=0.2) for i in range(n)]
    many = replace(bank, classes=(*bank.classes, *more), crop=bank.crop + rows)
    path = tmp_path / "many.onnx"
    assert export_detector(lively_detector.with_(bank=many), path).manifest.bank.capacity == 512
    assert verify_model(path, "cpu").n_rows > 0
    assert "sign299" in OnnxDetector(path, provider="cpu").classes


def test_a_place_that_cannot_be_written(lively_detector, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot make the folder"):
        export_detector(lively_detector, tmp_path / "file" / "x.onnx")


def test_a_level_1_that_fails_or_gives_something_else_is_told(lively_detector):
    odd = lively_detector.with_()
    odd.level1 = torch.nn.Identity()
    with pytest.raises(PluginError, match="expected `forward` to give a DenseOutput, found a Tens"):
        torch_dense(odd, draw_scene((100, 180)))
    odd.level1 = torch.nn.Linear(3, 5)
    with pytest.raises(PluginError, match=r"Linear of torch.* failed in `forward`.*RuntimeError"):
        torch_dense(odd, draw_scene((100, 180)))
