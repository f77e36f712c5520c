"""What is said of a support set, and the pages that say it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from drivemeta.adaptation.adapt import adapt
from drivemeta.adaptation.report.diagnosis import diagnose_support
from drivemeta.adaptation.report.expected_ap50 import expected_ap50
from drivemeta.adaptation.report.page import report_json, report_markdown, warnings
from drivemeta.adaptation.report.plot import draw_report_plot
from drivemeta.adaptation.report.verdict import verdicts
from drivemeta.data.support import SupportSet


@pytest.fixture
def adapted(lively_detector, make_support):
    return adapt(lively_detector, make_support(3, "rocks", "ice"), parent="traffic_sign")


def test_every_box_is_judged_without_itself(adapted):
    shots = diagnose_support(adapted).shots
    assert [shot.name for shot in shots] == ["rocks", "ice"] * 3
    assert all(shot.held_out and (shot.width, shot.height) == (48, 48) for shot in shots)
    found = adapted.record.evidence.boxes.found > 0
    assert [shot.found for shot in shots] == found.tolist()


def test_a_box_of_the_wrong_class_disagrees(lively_detector, make_support):
    support = make_support(5, "rocks", "ice")
    path = support.dataset.source
    coco = json.loads(path.read_text())
    coco["annotations"][0]["category_id"] = 1  # it looks like rocks
    path.write_text(json.dumps(coco))
    adapted = adapt(lively_detector, SupportSet.from_coco(path), parent="traffic_sign")
    diagnosis = diagnose_support(adapted)
    assert "0.png" in {shot.image for shot in diagnosis.disagreeing}
    assert any("0.png" in line and "annotated as ice" in line for line in warnings(diagnosis))


def test_a_single_box_cannot_be_held_out(lively_detector, make_support):
    (shot,) = diagnose_support(
        adapt(lively_detector, make_support(1, "rocks"), parent="traffic_sign")
    ).shots
    assert not shot.held_out


def test_likeness_is_the_cosine_of_the_means(adapted):
    task, likeness = adapted.record.evidence.embedded, diagnose_support(adapted).likeness
    means = [task.images[task.labels == label].mean(0).numpy() for label in range(2)]
    one, two = (mean / np.linalg.norm(mean) for mean in means)
    new = {(p.name, p.other): p.cosine for p in likeness if p.kind == "new"}
    assert new == {
        ("rocks", "ice"): pytest.approx(float(one @ two), abs=1e-3),
        ("ice", "rocks"): pytest.approx(float(one @ two), abs=1e-3),
    }
    assert len(likeness) == 2 + 2 * 3


def test_classes_known_before_are_compared(adapted, make_support):
    support = make_support(2, "stones")  # drawn as the rocks are
    later = adapt(adapted.detector, support, parent="traffic_sign")
    (pair,) = [p for p in diagnose_support(later).likeness if p.other == "rocks"]
    assert pair.kind == "known"
    assert pair.cosine > 0.9


def test_the_estimate_holds_out_each_frame(adapted):
    expected = expected_ap50(adapted, adapted.record.frames_held)
    assert [(e.name, e.n_boxes, e.n_frames) for e in expected] == [("rocks", 3, 6), ("ice", 3, 6)]
    assert all(0 <= e.ap50 <= 1 for e in expected)


def test_no_estimate_where_nothing_can_be_held_out(lively_detector, make_support):
    adapted = adapt(lively_detector, make_support(1, "rocks"), parent="traffic_sign")
    held, diagnosis = adapted.record.frames_held, diagnose_support(adapted)
    assert expected_ap50(adapted, held) == ()
    judged = verdicts(adapted, diagnosis, held)
    assert "No estimate" in (page := report_markdown(adapted, diagnosis, judged, ()))
    assert "is named as annotated and" not in page
    assert "**rocks**: doubtful: no box could be held out" in page


def test_the_report_holds_all_and_is_json(adapted, tmp_path):
    diagnosis, held = diagnose_support(adapted), adapted.record.frames_held
    judged, expected = verdicts(adapted, diagnosis, held), expected_ap50(adapted, held)
    report = json.loads(json.dumps(report_json(adapted, diagnosis, judged, expected)))
    assert len(report["support"]["shots"]) == 6
    assert report["expected_ap50"][0]["n_boxes"] == 3
    assert report_json(adapted, diagnosis, judged, None)["expected_ap50"] is None
    assert [verdict["name"] for verdict in report["verdicts"]] == ["rocks", "ice"]
    page = report_markdown(adapted, diagnosis, judged, expected, (tmp_path / "x.png",))
    assert "| rocks | traffic_sign | 3 |" in page
    assert "![x](x.png)" in page
    assert "\n## Expected AP50\n" in page
    assert "An estimate by leaving one frame out" in page


def test_the_page_tells_which_boxes_pass(adapted):
    diagnosis = diagnose_support(adapted)
    shots = tuple(replace(shot, passes=i == 0) for i, shot in enumerate(diagnosis.shots))
    page = report_markdown(adapted, replace(diagnosis, shots=shots), (), None)
    rows = [line for line in page.splitlines() if any(shot.image in line for shot in shots)]
    assert [row.split("|")[-2].strip() for row in rows] == ["yes", *["no"] * (len(shots) - 1)]


def test_the_plot_shows_scores_and_cosines(adapted):
    picture = draw_report_plot(adapted, diagnose_support(adapted))
    assert picture.width > 900
    colours = {colour for _, colour in Image.Image.getcolors(picture, 1 << 24)}
    assert (5, 150, 105) in colours or (220, 38, 38) in colours
