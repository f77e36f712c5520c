"""A detector of one's own made a base: joined with ours or alone, and used as any model."""

import cv2
import numpy as np
import pytest

from drivemeta.adaptation.adapt import adapt
from drivemeta.banks.edit import rename_classes
from drivemeta.core.own import OwnFacts
from drivemeta.errors import InputError, ModelFileError
from drivemeta.export.edit_classes import edit_model
from drivemeta.export.precision.rewrite import Change, rewrite_model
from drivemeta.export.restore import restore
from drivemeta.export.verify import verify_model
from drivemeta.own.importing import (
    ImportOptions,
    import_base,
    joined_bank,
    joined_scoring,
)
from drivemeta.own.loading import load_base
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.manifest import LICENCE
from drivemeta.runtime.model_file import bank_of, read_model_file
from tests.helpers.own_detectors import save_streets, streets, yolox_file

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[False, True], ids=["joined", "alone"])
def base_file(request, lively_detector, tmp_path_factory):
    """A base of a small YOLOX and the small detector, or of the first alone."""
    folder = tmp_path_factory.mktemp("own")
    save_streets(folder / "streets")
    crowd = np.concatenate([np.concatenate([i for i, _ in streets(2, seed=s)], 1) for s in (7, 8)])
    shades = np.linspace(1, 0.85, crowd.shape[1])[None, :, None]  # scores that lie apart
    cv2.imwrite(str(folder / "streets" / "crowd.png"), (crowd * shades).astype(np.uint8))
    (folder / "names").write_text("car\nperson\n")
    options = ImportOptions(
        names=folder / "names",
        images=folder / "streets",
        alone=request.param,
        licence="proprietary",
    )
    own = yolox_file(folder / "own.onnx")
    import_base(own, folder / "base.onnx", options, base=lively_detector)
    return folder / "base.onnx"


def test_it_finds_by_the_own_detector(base_file):
    detector = OnnxDetector(base_file, provider="cpu")
    for image, boxes in streets(3, seed=9):
        found = detector([image, image[:, ::-1].copy()])
        for name, box in zip(("vehicle", "pedestrian"), boxes, strict=True):
            own = [i for i, n in enumerate(found[0].names) if n == name]
            near = np.abs(found[0].boxes[own] - box).max(1)
            assert near.min() <= 4
            assert found[0].scores[own[near.argmin()]] > 0.5
        assert len(found[1])


def test_frames_enter_it_as_is_asked_for(lively_detector, tmp_path):
    save_streets(tmp_path / "streets")
    (tmp_path / "names").write_text("car\nperson\n")
    own, near = yolox_file(tmp_path / "own.onnx"), {}
    image, boxes = streets(1, seed=9)[0]
    left = int(np.clip(2 * boxes[0][0] - 48, 0, image.shape[1]))
    tall = cv2.resize(image, None, fx=2, fy=2)[:, left : left + image.shape[1]]
    truth = 2 * np.asarray(boxes[0]) - [left, 0, left, 0]
    for fit in ("centred", "stretch"):
        options = ImportOptions(
            names=tmp_path / "names", images=tmp_path / "streets", alone=True, fit=fit
        )
        report = import_base(own, tmp_path / f"{fit}.onnx", options, base=lively_detector)
        assert report.facts.fit == fit
        found = OnnxDetector(tmp_path / f"{fit}.onnx", provider="cpu")([tall], 0.2)[0]
        near[fit] = np.abs(found.boxes - truth).max(1, initial=0).min(initial=1e3)
    assert near["centred"] <= 8
    assert near["stretch"] > 16  # what is a square in the frame is none in the network's image


def test_the_manifest_tells_who_finds_what(base_file):
    manifest = read_model_file(base_file).manifest
    own = manifest.own
    assert own.finds == {"vehicle": ("car",), "pedestrian": ("person",)}
    assert own.choices == {"boxes": "raw", "input": "bgr 0..255"}
    assert manifest.licence == f"{LICENCE} AND proprietary"
    assert len(own.tried) == 4
    assert "traffic_sign" in manifest.names or own.alone
    verify_model(base_file, "cpu")


def test_rows_of_level_1_never_pass_at_places_of_the_other(base_file, lively_detector):
    base = restore(lively_detector, base_file)
    bank, image = base.bank, streets(1)[0][0]
    dense = base.own.dense(image)
    dim = bank.dense.weights.shape[1] - base.own.facts.n_columns
    logits = np.pad(dense.embeddings, ((0, 0), (dim, 0))) @ bank.dense.weights.T
    logits -= bank.dense.biases
    mine = np.isin(bank.dense.owners, [bank.index(n) for n in base.own.facts.finds])
    assert (logits[:, ~mine] < -2).all()
    np.testing.assert_allclose(
        1 / (1 + np.exp(-base.scoring.dense_scale * logits[:, mine])),
        np.clip(base.own.scores(dense), 1e-6, 1),
        atol=1e-4,
    )


def test_it_is_taken_apart_and_written_anew(base_file, tmp_path):
    edit_model(base_file, tmp_path / "same.onnx", lambda bank: bank)
    before, after = (
        OnnxDetector(path, provider="cpu")([streets(1)[0][0]], 0.05)[0]
        for path in (base_file, tmp_path / "same.onnx")
    )
    np.testing.assert_allclose(before.boxes, after.boxes, atol=1e-3)
    names = {"vehicle": "Fahrzeug"}
    edit_model(base_file, tmp_path / "other.onnx", lambda bank: rename_classes(bank, names))
    finds = read_model_file(tmp_path / "other.onnx").manifest.own.finds
    assert list(finds) == ["Fahrzeug", "pedestrian"]
    report = rewrite_model(base_file, tmp_path / "half.onnx", Change(precision="fp16"))
    assert report.precision == "fp16"
    assert report.in_float32 == read_model_file(base_file).manifest.own.source
    assert read_model_file(tmp_path / "half.onnx").manifest.own is not None


def test_classes_are_added_to_it(base_file, lively_detector, make_support, tmp_path):
    base = restore(lively_detector, base_file)
    support = make_support(2, "rocks")
    adapted = adapt(base, support, "protonet", parent="vehicle")
    adapted.export(tmp_path / "rocks.onnx")
    again = restore(lively_detector, tmp_path / "rocks.onnx")
    licence = read_model_file(tmp_path / "rocks.onnx").manifest.licence
    assert licence == f"{LICENCE} AND proprietary"
    assert again.bank.classes[again.bank.index("rocks")].parent == "vehicle"
    assert again.own.facts == base.own.facts
    n = len(bank_of(read_model_file(base_file)).crop)
    np.testing.assert_array_equal(again.bank.crop.weights[:n], base.bank.crop.weights)


def test_a_new_kind_is_learnt_by_level_1_or_refused(base_file, lively_detector, make_support):
    base = restore(lively_detector, base_file)
    support = make_support(2, "rocks")
    if not base.has_dense:
        with pytest.raises(InputError, match="imported without"):
            adapt(base, support, "protonet", parent="none")
        return
    adapted = adapt(base, support, "protonet", parent="none")
    assert adapted.classes[0].reason.endswith("DriveMeta's level 1 finds it")
    row = adapted.detector.bank.dense
    assert len(base.own.of_level1(row)) == len(base.own.of_level1(base.bank.dense)) + 1


def test_kept_classes_are_super_classes(lively_detector):
    import onnx

    from drivemeta.models.own import OwnFinder

    facts = OwnFacts(
        "own", "", "", "yolox", "", {}, (64, 64), "stretch", {"dog": ("dog",)}, scale=20.0
    )
    bank = joined_bank(lively_detector.bank, OwnFinder(onnx.GraphProto(), facts))
    assert bank.names[-1] == "dog"
    assert bank.names[:-1] == lively_detector.bank.names
    own = OwnFinder(onnx.GraphProto(), facts)
    kept = own.of_level1(bank.dense)
    np.testing.assert_array_equal(kept.weights, lively_detector.bank.dense.weights)
    np.testing.assert_array_equal(kept.owners, lively_detector.bank.dense.owners)


def test_a_cyclist_of_another_detector_has_no_weight(lively_detector, base_file):
    ours = lively_detector.scoring
    assert ours.cyclist_weight == 1.5
    assert joined_scoring(ours, ["vehicle", "cyclist"]).cyclist_weight == 1
    assert joined_scoring(ours, ["vehicle"]) == ours
    assert read_model_file(base_file).manifest.constants == ours


def test_models_that_are_no_base_are_refused(tiny_model):
    with pytest.raises(ModelFileError, match="a model without one"):
        load_base(tiny_model)
