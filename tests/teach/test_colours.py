"""A class has the colour on the page that it has in videos."""

from drivemeta.plugins.sink.class_colours import colours_of
from drivemeta.teach.clips import open_clip
from drivemeta.teach.state import Add, Remove
from drivemeta.teach.teacher import Teacher
from tests.helpers.teach import SIZE
from tests.helpers.videos import draw_frame, encode_video


def test_the_page_has_the_colours_of_the_exported_model(lively_detector, tmp_path, monkeypatch):
    monkeypatch.setattr("drivemeta.teach.footage.Footage.start", lambda _: None)
    monkeypatch.setattr("drivemeta.teach.learning.Learning.again", lambda _: None)
    path = encode_video(tmp_path / "a.mp4", [draw_frame(i, SIZE) for i in range(4)], fps=25)
    teacher = Teacher(lively_detector, {"a": open_clip(path)}, tmp_path / "project")
    try:
        names = ["cone", "red light", "traffic_sign", "dog"]
        for revision, name in enumerate(names):
            place = {"clip": "a", "frame": 0, "xyxy": (22, 60, 46, 80), "name": name}
            teacher.act([Add(do="add", **place)], revision)
        teacher.act([Remove(do="remove", id=1)], len(names))  # no box of a cone: not in the model
        rows = teacher.page()["classes"]
    finally:
        teacher.close()
    model = (*lively_detector.bank.names, "red light", "dog")
    expected = dict(zip(model, colours_of(model), strict=True))
    shown = {row["name"]: row["colour"] for row in rows}
    assert shown.pop("cone") not in (shown["dog"], shown["red light"])
    assert shown == {name: "#{:02x}{:02x}{:02x}".format(*expected[name]) for name in shown}
    assert shown["red light"] == "#ff4646"
