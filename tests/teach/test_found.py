"""What the page finds by a bank is what the exported model of that bank finds."""

from dataclasses import replace

import numpy as np
import pytest

from drivemeta.core import BankRows, ClassSpec, Detections
from drivemeta.core.one_object import flat_by_label, stands_alone
from drivemeta.core.score_rule import decide
from drivemeta.export.exporter import export_detector
from drivemeta.export.probe_scene import draw_scene
from drivemeta.models.crops import to_tensor
from drivemeta.models.traced.proposals import propose
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.teach.clip_index import ClipIndex
from drivemeta.teach.found import find, name_rows
from drivemeta.teach.frame_view import view_of
from drivemeta.teach.hit_list import HitList
from drivemeta.teach.located import locate_rows
from drivemeta.teach.seen import row_type, see
from tests.helpers.archives import assert_same, build_base, with_more_classes
from tests.helpers.detectors import torch_networks


@pytest.fixture(scope="module")
def base(lively_detector):
    return build_base(lively_detector)


@pytest.fixture(scope="module")
def more(base):
    return with_more_classes(base)


@pytest.fixture
def model(base, tmp_path):
    export_detector(base, tmp_path / "base.onnx")
    return OnnxDetector(tmp_path / "base.onnx", provider="cpu")


@pytest.fixture(scope="module")
def frames():
    # Torch and ONNX Runtime scale a frame alike to some digits: no box of these hangs on the next.
    return [draw_scene((200, 300), seed=seed) for seed in (0, 1)] + [draw_scene((150, 220))]


@pytest.fixture(scope="module")
def networks(base):
    return torch_networks(base)


@pytest.fixture(scope="module")
def rows(base, networks, frames):
    return np.concatenate([see(base, networks, image, i) for i, image in enumerate(frames)])


def named(rows, base, bank):
    """Return what a bank says of rows."""
    located = locate_rows(rows, base.bank, bank, base.scoring)
    return name_rows(located, bank, base.scoring)


def found_in(frame, rows, base, bank):
    """Return what is reported of a frame."""
    found = find(named(rows, base, bank), bank)
    mine = found.told & (found.frames == frame)
    return Detections(found.boxes[mine], found.scores[mine], found.labels[mine], bank.names)


@pytest.fixture(scope="module")
def decided(more, networks, frames):
    """Return a function from thresholds to what the score rule says of each frame."""
    seen = []
    for image in frames:
        pixels = to_tensor(image)

        def embed(boxes, *, things, pixels=pixels):
            return networks.embed(
                more.crops(pixels, pixels.new_tensor(boxes), things=things), things=things
            )

        seen.append((propose(more, image, 0.0, networks), embed))

    def decide_all(thresholds):
        bank = more.bank
        ends = [decide(*each, bank, more.scoring, thresholds) for each in seen]
        return [Detections(*end, bank.names) for end in ends]

    return decide_all


@pytest.mark.parametrize("least", [None, 0.05, 0.3])
def test_what_is_found_is_what_the_score_rule_says(base, more, decided, rows, least):
    bank = more.bank
    if least is not None:
        bank = bank.with_thresholds(dict.fromkeys(bank.names, least))
    expected = decided(bank.thresholds)
    assert max(map(len, expected)) > 40  # more than level 2 looks at
    assert "rocks" in {name for each in expected for name in each.names}
    for frame, theirs in enumerate(expected):
        assert_same(found_in(frame, rows, base, bank), theirs, bank.thresholds)


def test_one_object_is_found_once(base, more, decided, frames, rows):
    loose = base.with_(scoring=replace(base.scoring, object_iou=1.0))
    bank = more.bank.with_thresholds(dict.fromkeys(more.bank.names, 0.05))
    twice = sum(len(found_in(i, rows, loose, bank)) for i in range(len(frames)))
    assert twice > sum(map(len, decided(bank.thresholds)))


@pytest.mark.slow
def test_the_hits_above_the_threshold_are_what_the_model_detects(
    base, more, model, frames, rows, tmp_path
):
    index = ClipIndex(tmp_path, np.arange(len(frames)), "it")
    index.add(0, rows)
    hits = HitList(base.bank, base.scoring)
    for threshold in (0.1, 0.2, 0.05):  # the slider is moved: nothing is learnt anew
        bank = more.bank.with_thresholds({"rocks": threshold})
        hits.score(bank, {"drive": index}, ["rocks"])
        model.set_bank(bank)
        label = bank.index("rocks")
        expected = [each[each.labels == label] for each in model(frames)]
        for frame, theirs in enumerate(expected):
            mine = [hit for hit in hits.all() if hit.frame == frame and hit.score >= threshold]
            shown = Detections(
                np.array([hit.xyxy for hit in mine], np.float32).reshape(-1, 4),
                np.array([hit.score for hit in mine], np.float32),
                np.full(len(mine), label, np.int64),
                bank.names,
            )
            assert_same(shown, theirs, bank.thresholds, box_px=0.06)  # to a tenth
        assert sum(map(len, expected)) > 0


def hits_told_plainly(rows, base, bank, names):
    """Return (frame, class, score) of all hits, best first, by the rule of a frame, box by box."""
    seen, told = named(rows, base, bank), []
    at, least, flat = seen.located, bank.thresholds, flat_by_label(bank.names, len(bank.names))
    is_leaf = (seen.as_leaf >= 0) & (seen.as_leaf >= least[seen.leaves])
    is_told = is_leaf | (seen.as_kind >= least[at.kinds])
    for each in range(len(at.frames)):
        as_leaf, as_kind = float(seen.as_leaf[each]), float(seen.as_kind[each])
        shown = [(int(seen.leaves[each]), as_leaf)] if is_leaf[each] or as_leaf >= 0.05 else []
        if not is_leaf[each] and (is_told[each] or as_kind >= 0.05):
            shown.append((int(at.kinds[each]), as_kind))
        mine = (at.frames == at.frames[each]) & is_told
        mine[each] = True
        named_so = is_leaf | ((seen.as_leaf >= 0.05) & ~is_told)
        labels = np.where(named_so, seen.leaves, at.kinds)[mine]
        rivals = at.boxes[mine], seen.as_rivals[mine], labels, at.roots[mine]
        alone = stands_alone(*rivals, flat, 0.5)[np.flatnonzero(mine) == each]
        told += [(int(at.frames[each]), bank.names[k], s) for k, s in shown if alone]
    return sorted((hit for hit in told if hit[1] in names), key=lambda hit: -hit[2])


def test_hits_that_are_told_again_and_again_are_those_of_a_plain_telling(base, rows, tmp_path):
    index = ClipIndex(tmp_path, np.arange(3), "it")
    index.add(0, rows)
    first, second = (with_more_classes(base, seed=seed).bank for seed in (0, 1))
    other = rows[~rows["known"]][:1]
    row = BankRows(other["dense"], np.zeros(1, np.float32), *[np.array([len(first.classes)])] * 2)
    cone = replace(first, classes=(*first.classes, ClassSpec("cone")), dense=first.dense + row)
    low = dict.fromkeys(first.names, 0.06)
    banks = (first, first.with_thresholds(low), second, cone, cone.with_thresholds(low), base.bank)
    hits, names = HitList(base.bank, base.scoring), ["rocks", "bus", "cone", "vehicle"]
    numbers = []
    for bank in (*banks, *reversed(banks)):
        hits.score(bank, {"drive": index}, names)
        told = sorted(hits.all(), key=lambda hit: -hit.score)
        shown = [(hit.frame, hit.name, hit.score) for hit in told]
        assert shown == hits_told_plainly(rows, base, bank, names)
        numbers.append(len(shown))
    assert len(set(numbers)) > 3
    assert not hits.score(banks[0], {"drive": index}, names)  # nothing changed since


def test_an_index_that_grows_gives_the_same_hits_each_once(base, more, rows, tmp_path):
    index, empty = (ClipIndex(tmp_path / name, np.arange(4), "it") for name in ("a", "b"))
    index.add(0, rows)
    at_once, bit_by_bit = HitList(base.bank, base.scoring), HitList(base.bank, base.scoring)
    assert bit_by_bit.grow("drive", rows[:0], ["rocks"]) == 0
    at_once.score(more.bank, {"drive": index}, ["rocks"])
    bit_by_bit.score(more.bank, {"drive": empty}, ["rocks"])
    first = rows[rows["frame"] == 1]
    assert bit_by_bit.grow("drive", first, ["rocks"]) > 0
    assert bit_by_bit.grow("other", first, ["rocks"]) > 0
    bit_by_bit.grow("drive", rows, ["rocks"])
    assert bit_by_bit.grow("drive", rows, ["rocks"]) == 0
    mine = {hit.key for hit in bit_by_bit.all() if hit.clip == "drive"}
    assert mine == {hit.key for hit in at_once.all()}
    assert len(mine) == sum(hit.clip == "drive" for hit in bit_by_bit.all())


def test_a_new_kind_is_found_where_the_base_finds_nothing_and_once(base, rows):
    bank, n = base.bank, len(base.bank.classes)
    other = rows[~rows["known"]][:1]
    row = BankRows(other["dense"], np.zeros(1, np.float32), *[np.array([n])] * 2)
    more = replace(bank, classes=(*bank.classes, ClassSpec("cone")), dense=bank.dense + row)
    seen = np.concatenate([other, rows[rows["frame"] == int(other["frame"][0])]])
    located = locate_rows(seen, bank, more, base.scoring)
    own = located.kinds == n
    assert own.any()
    overlaps = np.abs(located.boxes[own] - other["box"]).max(1) < 0.01
    assert overlaps.sum() == 1
    assert not len(locate_rows(other, bank, bank, base.scoring).frames)


def test_a_frame_shows_what_is_proposed_and_what_is_found(base, more, rows):
    first = rows[rows["frame"] == 0]
    shown = view_of(first, base.bank, more.bank, base.scoring)
    assert len(shown["proposals"]) == len(first)
    assert {each["name"] for each in shown["proposals"]} <= set(base.bank.names)
    scores = [each["score"] for each in shown["found"]]
    assert scores == sorted(scores, reverse=True)
    empty = np.zeros(0, row_type(base.bank))
    assert view_of(empty, base.bank, more.bank, base.scoring) == {"proposals": [], "found": []}
