"""The server, asked as the page asks it, and as an attacker would."""

import json
import time

import cv2
import numpy as np
import pytest

from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.teach.access import Address
from drivemeta.teach.clip_list import clips_of, keep_clips
from drivemeta.teach.clips import open_clip
from drivemeta.teach.learners import PageLearner
from drivemeta.teach.seen import see
from drivemeta.teach.server import FILES, TeachSession, create_app
from drivemeta.teach.teacher import Teacher
from tests.helpers.teach import ask
from tests.helpers.videos import draw_frame, encode_video

NASTY = '<img src=x onerror="alert(1)">'
PATIENCE_S = 60


@pytest.fixture(scope="module", autouse=True)
def _traced(lively_detector):
    """Trace the networks in this thread: what it silences meanwhile is silenced in no other."""
    see(lively_detector, FixedNetworks(lively_detector), draw_frame(0, (120, 160)), 0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "drive <b>.mp4"
    images = (draw_frame(index, (120, 160)) for index in range(40))
    return encode_video(path, images, list(range(0, 1600, 40)), fps=25, options={"g": "10"})


@pytest.fixture
def served(lively_detector, clip, tmp_path):
    """Return the application, its session, and a function that begins another on its project."""
    opened = []

    def begin():
        while opened:
            opened.pop().close()
        folder = tmp_path / "project"
        paths = clips_of(folder, [clip])
        clips = {name: open_clip(path) for name, path in paths.items()}
        opened.append(teacher := Teacher(lively_detector, clips, folder))
        keep_clips(folder, paths)
        return create_app(TeachSession(clips, folder, lambda: teacher), Address()), teacher

    yield begin
    for teacher in opened:
        teacher.close()


@pytest.fixture(scope="module")
def attacked(lively_detector, clip, tmp_path_factory):
    """Return the application and the session of a project that nothing may change."""
    folder = tmp_path_factory.mktemp("attacked")
    clips = {name: open_clip(path) for name, path in clips_of(folder, [clip]).items()}
    teacher = Teacher(lively_detector, clips, folder)
    yield create_app(TeachSession(clips, folder, lambda: teacher), Address()), teacher
    teacher.close()


def wait_for(app, done):
    """Return the state of the page as soon as it is as wanted."""
    state, end = ask(app, "/api/state?seen=0").json, time.monotonic() + PATIENCE_S
    while not done(state):
        assert time.monotonic() < end, state
        time.sleep(0.05)
        state = ask(app, "/api/state?seen=0").json
    return state


def idle(state):
    return state["learning"]["phase"] in ("ready", "failed", "empty") and all(
        each["done"] == each["of"] for each in state["index"].values()
    )


def add(revision, frame=3, name="red box", **more):
    place = {"clip": "drive__b_", "frame": frame, "xyxy": [22, 60, 46, 80], "name": name, **more}
    return {"revision": revision, "actions": [{"do": "add", **place}]}


def test_the_page_and_all_that_it_loads_are_served(attacked):
    app, _ = attacked
    page = ask(app, "/")
    assert page.headers["content-type"].startswith("text/html")
    assert b'aria-label="Frame" min="0" max="39"' in page.body
    for name in filter(None, FILES):
        assert ask(app, f"/{name}").status == 200
    assert b"//" not in page.body.replace(b"<!doctype", b"")  # nothing from elsewhere


def test_a_box_is_learnt_found_rejected_and_there_again(served):
    app, teacher = served()
    look = ask(app, "/api/look/drive__b_/3").json
    assert look["proposals"]
    state = ask(app, "/api/act", body=add(0)).json
    assert state["revision"] == 1
    assert state["classes"][-1]["name"] == "red box" or state["classes"][0]["name"] == "red box"
    state = wait_for(app, idle)
    assert state["learning"]["phase"] == "ready", state["learning"]["problem"]
    report = state["learning"]["report"]["classes"][0]
    assert report["verdict"].startswith(report["grade"])
    hits = ask(app, "/api/hits?class=red%20box").json["hits"]
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    before = json.dumps(state["boxes"])
    again, _ = served()
    state = wait_for(again, idle)
    assert json.dumps(state["boxes"]) == before
    assert state["learning"]["phase"] == "ready"
    assert [h["key"] for h in ask(again, "/api/hits?class=red%20box").json["hits"]] == [
        hit["key"] for hit in hits
    ]
    assert teacher.project.folder.joinpath("frames/drive__b__000003.png").is_file()


def test_frames_are_exact_or_near_and_small(attacked):
    app, _ = attacked
    exact = ask(app, "/api/frame/drive__b_/17")
    image = cv2.imdecode(np.frombuffer(exact.body, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (120, 160, 3)
    assert (exact.headers["x-frame"], exact.headers["x-size"]) == ("17", "160x120")
    near = ask(app, "/api/frame/drive__b_/28?near=1&most=64")
    assert cv2.imdecode(np.frombuffer(near.body, np.uint8), 1).shape == (48, 64, 3)
    assert near.headers["x-frame"] == "20"
    assert near.headers["x-size"] == "160x120"
    crop = ask(app, "/api/crop/drive__b_/17?box=10,20,40,60")
    assert cv2.imdecode(np.frombuffer(crop.body, np.uint8), 1).shape == (160, 160, 3)


@pytest.mark.parametrize(
    "path",
    [
        "/api/frame/..%2f..%2fetc%2fpasswd/0",
        "/api/frame/../0",
        "/api/frame/other/0",
        "/api/frame/drive__b_/40",
        "/api/frame/drive__b_/3?most=-1",
        "/api/frame/drive__b_/3?most=9999999999999999",
        "/api/look/drive__b_/999999999999999999999",
        "/api/crop/drive__b_/3?box=1,2,3",
        "/api/crop/drive__b_/3?box=1e9,1e9,2e9,2e9",
        "/api/crop/drive__b_/3?box=nan,0,1,1",
        "/api/crop/drive__b_/3?box=inf,0,inf,1",
        "/api/exported/0",
        "/../pyproject.toml",
        "/teach.js/../../../errors.py",
        "/%2e%2e/errors.py",
    ],
)
def test_nothing_else_is_given(attacked, path):
    found = ask(attacked[0], path)
    assert found.status in (400, 404), found.body
    assert found.json["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"[" * 5000,
        add(0, clip="../../etc"),
        add(0, frame=40),
        add(0, frame=10**30),
        add(0, name=" "),
        add(0, name="x" * 5000),
        add(0, xyxy=[0, 0, 1, 1]),
        add(0, file_name="../../../tmp/evil.png"),
        {"revision": 0, "actions": []},
        {"revision": 0, "actions": add(0)["actions"] * 201},
        {"revision": "0; drop", "actions": add(0)["actions"]},
    ],
)
def test_odd_actions_are_refused_and_nothing_changes(attacked, body):
    app, teacher = attacked
    found = ask(app, "/api/act", body=body)
    assert found.status == 400, found.body
    assert found.json["error"]
    assert teacher.project.revision == 0
    assert not list(teacher.project.folder.rglob("*.png"))


def test_names_with_html_stay_text(served):
    app, teacher = served()
    state = ask(app, "/api/act", body=add(0, name=NASTY)).json
    assert NASTY in [each["name"] for each in state["classes"]]
    assert NASTY.replace('"', '\\"') in (teacher.project.folder / "annotations.json").read_text()
    for name in filter(None, FILES):
        assert b"innerHTML" not in ask(app, f"/{name}").body


def test_of_two_windows_the_one_behind_is_told(served):
    app, _ = served()
    assert ask(app, "/api/act", body=add(0)).status == 200
    late = ask(app, "/api/act", body=add(0, name="other"))
    assert late.status == 409
    assert "another window" in late.json["error"]
    state = ask(app, "/api/state?seen=0").json
    assert [box["name"] for box in state["boxes"]] == ["red box"]
    assert ask(app, "/api/act", body=add(state["revision"], name="other")).status == 200
    assert ask(app, "/api/undo", body={"revision": 2}).json["can_redo"]


def test_a_change_ends_the_wait_of_other_windows(served):
    app, _ = served()
    state = wait_for(app, idle)
    assert ask(app, f"/api/state?seen={state['stamp'] - 1}").json["stamp"] >= state["stamp"]
    ask(app, "/api/act", body=add(0))
    assert ask(app, f"/api/state?seen={state['stamp']}").json["revision"] == 1


def test_exports_wait_for_what_is_learnt_and_need_boxes(served):
    app, _ = served()
    assert ask(app, "/api/export", body={"what": ["model"]}).status == 200
    failed = wait_for(app, lambda state: state["exported"]["phase"] == "failed")
    assert "click an object first" in failed["exported"]["words"]
    ask(app, "/api/act", body=add(0))
    busy = ask(app, "/api/export", body={"what": ["coco"]})
    assert busy.status == 400
    assert "export in a moment" in busy.json["error"]
    wait_for(app, idle)
    assert ask(app, "/api/export", body={"what": ["../evil"]}).status == 200
    failed = wait_for(app, lambda state: state["exported"]["phase"] == "failed")
    assert "expected some of model" in failed["exported"]["words"]
    assert ask(app, "/api/export", body={"what": ["coco", "cvat"]}).status == 200
    done = wait_for(app, lambda state: state["exported"]["phase"] == "done")
    assert len(done["exported"]["files"]) == 2
    file = ask(app, "/api/exported/1")
    assert file.status == 200
    assert b"<annotations>" in file.body
    assert file.headers["content-disposition"].startswith("attachment")


def test_a_box_is_followed_as_one_object_in_one_step(served, monkeypatch):
    app, _ = served()
    ask(app, "/api/act", body=add(0))
    nowhere = ask(app, "/api/follow", body={"revision": 1, "id": 7})
    assert nowhere.status == 400
    monkeypatch.setattr("drivemeta.teach.following.track", lambda *_: [])
    lost = ask(app, "/api/follow", body={"revision": 1, "id": 1})
    assert "annotate it there by hand" in lost.json["error"]
    seen = [(0, (16.0, 60.0, 40.0, 80.0)), (12, (40.0, 60.0, 64.0, 80.0))]
    monkeypatch.setattr("drivemeta.teach.following.track", lambda *_: seen)
    boxes = ask(app, "/api/follow", body={"revision": 1, "id": 1}).json["boxes"]
    assert [(b["frame"], b["object"], b["origin"]) for b in boxes] == [
        (3, 1, "drawn"),
        (0, 1, "followed"),
        (12, 1, "followed"),
    ]
    assert len(ask(app, "/api/undo", body={"revision": 2}).json["boxes"]) == 1


def test_a_box_on_the_track_of_another_is_a_view_of_its_object(served, monkeypatch):
    app, _ = served()
    ask(app, "/api/look/drive__b_/12")
    ask(app, "/api/act", body=add(0))
    track = [(3, (23.0, 60.0, 47.0, 80.0)), (12, (40.0, 60.0, 64.0, 80.0))]
    monkeypatch.setattr("drivemeta.teach.following.track", lambda *_: track[:1])
    hit = add(1, frame=12, xyxy=track[1][1], origin="hit")
    boxes = ask(app, "/api/act", body=hit).json["boxes"]
    assert [(b["frame"], b["object"], b["origin"]) for b in boxes] == [
        (3, 1, "drawn"),
        (12, 1, "hit"),
    ]
    classes = wait_for(app, idle)["learning"]["report"]["classes"]
    assert classes[0]["shots"] == 1


def test_another_learner_learns(lively_detector, clip, tmp_path):
    teacher = Teacher(
        lively_detector, {"drive__b_": open_clip(clip)}, tmp_path / "a", PageLearner("matching")
    )
    app = create_app(TeachSession(teacher.footage.clips, tmp_path, lambda: teacher), Address())
    ask(app, "/api/act", body=add(0))
    assert wait_for(app, idle)["learning"]["phase"] == "ready"
    assert teacher.learning.learnt.adapted.record.learner.name == "matching"
    teacher.close()


def test_a_failure_in_learning_is_told_and_over_with_the_next_step(served, monkeypatch):
    app, _ = served()

    def broken(*_, **__):
        raise RuntimeError("no memory")

    monkeypatch.setattr("drivemeta.teach.learning.adapt", broken)
    ask(app, "/api/act", body=add(0))
    failed = wait_for(app, idle)
    assert "no memory" in failed["learning"]["problem"]
    ask(app, "/api/undo", body={"revision": 1})
    assert wait_for(app, idle)["learning"]["phase"] == "empty"
