"""Rows and a class bank give what the model of that bank gives."""

from dataclasses import replace

import numpy as np
import pytest

from drivemeta.archive.looking import Looker
from drivemeta.archive.rows import BoxRows
from drivemeta.archive.scores import Scorer, detections_of
from drivemeta.core import BankRows, ClassSpec
from drivemeta.errors import ModelFileError
from drivemeta.export.probe_scene import draw_scene
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.model_file import bank_of, read_model_file
from tests.helpers.archives import assert_same, with_more_classes
from tests.helpers.fresh import loaded_by


@pytest.fixture(scope="module")
def frames():
    return [draw_scene((200, 300), seed=seed) for seed in range(3)] + [draw_scene((150, 220))]


@pytest.fixture(scope="module")
def rows(base_model, frames):
    looker = Looker(base_model, provider="cpu", least_score=0.05)
    return looker.facts, BoxRows.joined(looker(frames))


@pytest.mark.parametrize("kind", ["signs", "both"])
@pytest.mark.parametrize("min_score", [None, 0.05])
def test_the_same_as_the_model(base, models, frames, rows, kind, min_score):
    facts, seen = rows
    more = with_more_classes(base, things=kind == "both")
    file = read_model_file(models(kind, more.bank))
    facts.check(file)
    scorer = Scorer.of(file, min_score)
    found = detections_of(seen, scorer(seen), scorer.bank, len(frames))
    expected = OnnxDetector(file.path, provider="cpu")(frames, min_score)
    names = {name for each in expected for name in each.names}
    assert "rocks" in names
    assert (kind == "both") == bool({"bus", "van"} & names)
    assert max(map(len, expected)) > 60  # more than level 2 looks at
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.classes == theirs.classes
        assert_same(mine, theirs, scorer.thresholds)


def test_rows_that_no_wanted_class_could_have_are_left_out(adapted_model, rows):
    file = read_model_file(adapted_model)
    bank = bank_of(file)
    wanted = np.array([name == "bus" for name in bank.names])
    _, seen = rows
    everything, some = Scorer.of(file)(seen), Scorer.of(file, wanted=wanted)(seen)
    bus = bank.index("bus")
    assert (some.labels == bus).sum() == (everything.labels == bus).sum() > 0
    assert (some.scores >= 0).sum() < (everything.scores >= 0).sum()


def test_rows_tell_of_their_boxes(rows):
    facts, seen = rows
    assert (seen.scores >= facts.least_score).all()
    best = seen.finder_scores.max(1)
    np.testing.assert_allclose(best**0.5 * seen.quality**0.5, seen.scores, atol=1e-5)
    assert (seen.finder_scores.argmax(1) == seen.finders).all()
    assert (seen.sharpness[seen.embedded] >= 0).all()
    assert seen.sharpness.max() > 5
    norms = np.linalg.norm(seen.embeddings.astype(np.float32), axis=1)
    np.testing.assert_allclose(norms, seen.embedded, atol=2e-3)


def test_a_frame_without_boxes(base, base_model, frames):
    looker = Looker(base_model, provider="cpu", least_score=0.9999)
    seen = looker(frames[:1])
    assert len(seen[0]) == 0
    scorer = Scorer(base.bank, base.scoring)
    (found,) = detections_of(seen[0], scorer(seen[0]), base.bank, 1)
    assert len(found) == 0


def test_a_model_that_finds_by_rows_of_its_own_is_refused(base, models, rows):
    bank = base.bank
    n = len(bank.classes)
    row = BankRows(-bank.dense.weights[:1], np.full(1, 0.3, np.float32), *[np.array([n])] * 2)
    other = replace(bank, classes=(*bank.classes, ClassSpec("cone")), dense=bank.dense + row)
    file = read_model_file(models("cone", other))
    with pytest.raises(ModelFileError, match=r"finds cone by rows of level 1 .* --base"):
        rows[0].check(file)


def test_other_networks_are_refused(lively_detector, tiny_model, rows):
    with pytest.raises(ModelFileError, match="learner, protonet, changes layers"):
        rows[0].check(read_model_file(tiny_model))


def test_thresholds_below_what_is_kept_are_told(base, models, rows):
    low = base.bank.with_thresholds({"leaf0": 0.01})
    (note,) = rows[0].notes_on(read_model_file(models("low", low)))
    assert "leaf0 from 0.01" in note
    assert "keeps boxes that level 1 scores 0.05" in note


def test_looking_loads_no_torch(base_model):
    path = str(base_model)
    assert "torch" not in loaded_by(
        "import numpy; from drivemeta.archive.looking import Looker; "
        f"Looker({path!r}, provider='cpu')([numpy.zeros((40, 60, 3), numpy.uint8)])"
    )
