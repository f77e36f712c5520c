"""What notebooks show of detections and tracks is text, whatever a class is called."""

import numpy as np

from drivemeta.core import UNTRACKED, Detections, Tracks
from drivemeta.core.html import html_table


def test_markup_in_a_name_stands_as_text():
    table = html_table(("class", "n"), [("<script>alert(1)</script>", 3)], title="a < b")
    assert "<script" not in table
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td><td>3</td>" in table
    assert "<caption>a &lt; b</caption>" in table


def test_detections_and_tracks_show_a_row_an_object():
    boxes = np.array([[1, 2, 30, 40], [5, 6, 7, 8]], np.float32)
    scores, labels = np.array([0.914, 0.5], np.float32), np.array([1, 0], np.int64)
    found = Detections(boxes, scores, labels, ("vehicle", "stop"))
    cells = "<td>stop</td><td>0.91</td><td>1.0</td><td>2.0</td><td>30.0</td><td>40.0</td>"
    assert cells in found._repr_html_()
    tracks = Tracks(found, np.array([7, UNTRACKED]))._repr_html_()
    assert f"<td>7</td>{cells}" in tracks
    assert "<td></td><td>vehicle</td>" in tracks
    assert Detections.empty(("a",))._repr_html_().count("<tr>") == 1
