"""The whole story in a real browser: a click, a name, hits, corrections, an export, a kill -9."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drivemeta.core.run import RunContext
from drivemeta.demo.clip import write_clip
from drivemeta.demo.material import find_clip
from drivemeta.export.verify import verify_model
from drivemeta.plugins.registry import default_registry
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.teach.clips import VideoClip
from tests.helpers.videos import encode_video

CHROMIUM = Path("/usr/bin/chromium")
SIGN, N_FRAMES = "falling_rocks", 36
NAME = "falling rocks"
NASTY = '<img src=x onerror="alert(1)">'
# Folder that gets a picture of every state; `teach` and `teach-failed` are those of docs/images.
PICTURES = os.environ.get("DRIVEMETA_PICTURES")
PATIENCE_MS = 300_000
REAL = Path(__file__).parents[3] / "shared" / "data" / "videos" / "lasvegas_sthasam2.mp4"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.is_file(), reason="needs Debian's chromium"),
]


class Server:
    """`drivemeta teach` in a process of its own, on one port however often it begins."""

    def __init__(self, clip: Path, project: Path) -> None:
        self._clip, self._project, self._port = clip, project, "0"
        self.begin()

    def begin(self) -> None:
        command = [sys.executable, "-m", "drivemeta.cli.main", "teach", str(self._clip)]
        command += ["--project", str(self._project), "--port", self._port, "--no-browser"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        lines = iter(self._process.stderr.readline, "")
        self.url = next(m[0] for line in lines if (m := re.search(r"http://\S+", line)))
        self._port = self.url.rstrip("/").rpartition(":")[2]

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process.stderr.close()


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    """Return a rendered clip that passes three signs, and the boxes of the sign in each frame."""
    folder = tmp_path_factory.mktemp("drive")
    options = {"context": RunContext(folder), "encoder": "h264", "name": "drive.mp4"}
    sink = default_registry().create("sink", "mp4", **options)
    truths = write_clip(find_clip(SIGN, 0), N_FRAMES, sink, lambda _: None)
    boxes = [
        [box for box, leaf in zip(t.boxes.tolist(), t.leaves, strict=True) if leaf == SIGN]
        for t in truths
    ]
    return folder / "drive.mp4", boxes


@pytest.fixture
def server(drive, tmp_path):
    begun = Server(drive[0], tmp_path / "signs")
    yield begun
    begun.kill()


@pytest.fixture
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


class Page:
    """The page as a user has it: found by roles and names alone."""

    def __init__(self, browser, url, size=(960, 540), **options):
        options = {"viewport": {"width": 1280, "height": 720}, **options}
        self.size = size
        self.page = browser.new_context(**options).new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.faults = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        self.page.goto(url)
        self.hits = self.page.get_by_role("region", name="Hits").get_by_role("listitem")
        self.name = self.page.get_by_role("textbox", name="Class name")
        self.image = self.page.get_by_role("img", name="Current frame", exact=True)
        self.timeline = self.page.get_by_role("img", name="Timeline")

    def button(self, name):
        return self.page.get_by_role("button", name=name)

    def slider(self, name):
        return self.page.get_by_role("slider", name=name)

    def wait(self, script, *arguments):
        self.page.wait_for_function(script, arg=list(arguments), timeout=PATIENCE_MS)

    def seek(self, frame):
        """Go to a frame by the keyboard, and wait until it and its proposals are there."""
        slider = self.slider("Frame")
        slider.focus()
        self.page.keyboard.press("Home")
        for _ in range(frame):
            self.page.keyboard.press("ArrowRight")
        assert slider.input_value() == str(frame)
        self.settled()

    def settled(self):
        proposals = "document.getElementById('frame-text').textContent"
        self.wait(f"() => /[1-9]\\d* proposals/.test({proposals})")

    def learnt(self):
        status = "document.getElementById('status').textContent"
        self.wait(f"() => /learnt in/.test({status}) && !/looked at/.test({status})")

    def at(self, x, y):
        """Return where a point of the frame is on the screen."""
        box, (width, height) = self.image.bounding_box(), self.size
        scale = min(box["width"] / width, box["height"] / height)
        left = box["x"] + (box["width"] - width * scale) / 2
        return left + x * scale, box["y"] + (box["height"] - height * scale) / 2 + y * scale

    def ask(self, path):
        return self.page.evaluate("(path) => fetch(`api/${path}`).then((r) => r.json())", path)

    def draw(self, box):
        self.page.mouse.move(*self.at(*box[:2]))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*box[2:]), steps=4)
        self.page.mouse.up()

    def marks(self):
        return int(self.timeline.get_attribute("data-marks"))

    def counted(self, words):
        """Wait until the first class has what the words say, and all is learnt from it."""
        shown = "document.querySelector('#classes button')?.getAttribute('aria-label')"
        self.wait(f"([words]) => {shown}?.includes(words)", words)
        self.learnt()

    def picture(self, name):
        if PICTURES:
            crops = "[...document.querySelectorAll('.strip img')]"
            self.wait(f"() => {crops}.slice(0, 8).every((image) => image.complete)")
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


def largest(boxes, but=()):
    """Return the frame that shows the largest box of the sign, and that box."""
    sides = {
        (box[2] - box[0], frame): box
        for frame, found in enumerate(boxes)
        for box in found
        if frame not in but and box[0] > 30 and box[2] < 930
    }
    (_, frame), box = max(sides.items())
    return frame, box


def test_the_whole_story(drive, server, browser, tmp_path):
    clip, truth = drive
    frame, box = largest(truth)
    page = Page(browser, server.url)
    page.seek(frame)
    page.picture("teach-empty")

    page.page.mouse.click(*page.at((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
    page.name.fill(NAME)
    page.name.press("Enter")
    page.counted("1 box")
    page.hits.nth(2).wait_for()
    found, marks = page.hits.count(), page.marks()
    assert found >= 3
    assert marks >= 3
    page.picture("teach")

    right = [hit for hit in range(found) if is_sign(page, hit, truth)]
    page.hits.nth(right[0]).get_by_role("button").click()
    page.button("Accept").click()
    page.counted("2 boxes")
    open_hits = page.hits.count()
    wrong = next((hit for hit in range(open_hits) if not is_sign(page, hit, truth)), open_hits - 1)
    page.hits.nth(wrong).get_by_role("button").click()
    page.button("Reject").click()
    page.counted("2 boxes, 1 rejected")

    other, drawn = largest(truth, but=range(frame - 3, frame + 4))
    page.seek(other)
    page.draw(drawn)
    page.counted("3 boxes")

    slider = page.slider("Threshold")
    before = float(slider.input_value())
    slider.focus()
    for _ in range(5):
        page.page.keyboard.press("ArrowRight")
    page.page.wait_for_timeout(300)
    assert float(slider.input_value()) == pytest.approx(before + 0.05, abs=0.011)
    page.page.keyboard.press("Control+z")
    page.wait(
        "([value]) => Math.abs(document.getElementById('threshold').value - value) < 0.011", before
    )
    page.button("Redo").click()
    page.button("Undo").click()
    page.learnt()

    page.button("Export").click()
    page.page.get_by_text("Written, and the model verified").wait_for()
    page.picture("teach-exported")
    model = tmp_path / "signs" / "model.onnx"
    assert NAME in verify_model(model, provider="cpu").classes
    assert finds(model, clip, frame, box)

    page.page.reload()
    assert_all_is_there(page)
    server.kill()
    page.page.get_by_text("The server does not answer").wait_for()
    page.picture("teach-failed")
    server.begin()
    page.page.get_by_text("The server does not answer").wait_for(state="hidden")
    assert_all_is_there(page)
    page.page.reload()
    assert_all_is_there(page)
    assert not page.faults


@pytest.fixture
def real_drive(tmp_path):
    """Return four seconds of a real drive, past signs at night."""
    if not REAL.is_file():
        pytest.skip(f"needs {REAL}")
    clip = VideoClip(REAL)
    frames = (clip.frame(number) for number in range(170, 290))
    options = {"preset": "ultrafast", "crf": "18", "g": "30"}
    path = encode_video(tmp_path / "real.mp4", frames, fps=30, options=options)
    clip.close()
    return path


def test_the_story_of_a_real_drive(real_drive, browser, tmp_path):
    server, frame = Server(real_drive, tmp_path / "real"), 30
    try:
        page = Page(browser, server.url, size=(1280, 720))
        page.seek(frame)
        proposals = page.ask(f"look/real/{frame}")["proposals"]
        box = next(each["xyxy"] for each in proposals if each["name"] == "traffic_sign")
        page.page.mouse.click(*page.at((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
        page.name.fill("round board")
        page.name.press("Enter")
        page.counted("1 box")
        page.hits.first.wait_for()
        assert page.marks() >= 2  # it is passed for more than a second
        page.button("Accept").click()
        page.counted("2 boxes")
        page.slider("Frame").focus()
        page.button("Undo").click()
        page.counted("1 box")
        page.button("Export").click()
        page.page.get_by_text("Written, and the model verified").wait_for()
        model = tmp_path / "real" / "model.onnx"
        assert "round board" in verify_model(model, provider="cpu").classes
        assert finds(model, real_drive, frame, box, "round board")
        shown = page.ask(f"look/real/{frame}")["found"]
        clip = VideoClip(real_drive)
        (found,) = OnnxDetector(model, provider="cpu")([clip.frame(frame)])
        clip.close()
        assert sorted(each["name"] for each in shown) == sorted(found.names)
        server.kill()
        server.begin()
        page.page.reload()
        page.counted("1 box")
        page.button("Redo").click()  # of a step before the server ended
        page.counted("2 boxes")
        assert not page.faults
    finally:
        server.kill()


def is_sign(page, hit, truth):
    """Return whether a hit lies on a sign of the class, by the frame that its name gives."""
    label = page.hits.nth(hit).get_by_role("button").get_attribute("aria-label")
    return bool(truth[int(re.search(r"frame (\d+)", label)[1]) - 1])


def assert_all_is_there(page):
    page.counted("3 boxes, 1 rejected")
    page.hits.first.wait_for()
    assert page.page.locator("#classes button span:nth-child(2)").first.inner_text() == NAME


def finds(model, clip, frame, box, wanted=NAME):
    """Return whether an exported model finds the class at a box of the clip."""
    opened = VideoClip(clip)
    found = OnnxDetector(model, provider="cpu")([opened.frame(frame)])[0]
    opened.close()
    centre = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(
        name == wanted and left < centre[0] < right and top < centre[1] < bottom
        for name, (left, top, right, bottom) in zip(found.names, found.boxes, strict=True)
    )


def test_two_windows_and_many_quick_actions(server, browser):
    first, second = Page(browser, server.url), Page(browser, server.url)
    for page in (first, second):
        page.seek(2)
    first.draw((100, 300, 160, 360))
    first.name.fill(NASTY)
    first.name.press("Enter")
    second.counted("1 box")
    for step in range(100):
        page = (first, second)[step % 2]
        page.page.evaluate(
            "([x, name]) => { for (let i = 0; i < 2; i += 1) { const at = x + 3 * i; "
            "fetch('api/state?seen=0').then((r) => r.json()).then((s) => fetch('api/act', { "
            "method: 'POST', headers: { 'content-type': 'application/json' }, body: "
            "JSON.stringify({ revision: s.revision, actions: [{ do: 'add', clip: 'drive', "
            "frame: 2, xyxy: [at, 200, at + 40, 240], name }] }) })).then((r) => { "
            "window.told = window.told ?? {}; window.told[r.status] = (window.told[r.status] "
            "?? 0) + 1; }); } }",
            [step, NASTY],
        )
    first.page.wait_for_timeout(500)
    for page in (first, second):
        page.wait("() => Object.values(window.told).reduce((a, b) => a + b, 0) === 100")
    told = [page.page.evaluate("window.told") for page in (first, second)]
    done = sum(each.get("200", 0) for each in told)
    assert set().union(*told) <= {"200", "409"}  # done, or told that another was first
    for page in (first, second):
        page.wait(
            "([n]) => document.querySelector('#classes button').ariaLabel.includes(`${n} box`)",
            done + 1,
        )
        assert not page.faults


def test_nothing_is_cut_off(server, browser):
    page = Page(browser, server.url)
    page.settled()
    for width, height in ((1280, 720), (2560, 1440)):
        for scheme in ("light", "dark"):
            page.page.set_viewport_size({"width": width, "height": height})
            page.page.emulate_media(color_scheme=scheme)
            page.picture(f"teach-{scheme}-{width}")
            assert page.page.evaluate("document.documentElement.scrollWidth") <= width
            for name in ("Accept", "Reject", "Undo", "Redo", "Export", "Play"):
                box = page.button(name).bounding_box()
                assert box["y"] + box["height"] <= height
                assert box["x"] + box["width"] <= width
            page.page.keyboard.press("?")
            assert page.page.get_by_role("dialog").is_visible()
            page.picture(f"teach-keys-{scheme}-{width}")
            page.page.keyboard.press("Escape")
    assert not page.faults


def test_the_strip_holds_each_hit_once_and_in_order_however_they_change(server, browser):
    page = Page(browser, server.url)
    page.page.evaluate(
        "async () => { const { HitList } = await import('/lists.js'); "
        "const root = document.createElement('ul'); document.body.append(root); "
        "const list = new HitList(root, () => {}); "
        "window.strip = { root, fill: (keys, selected) => list.fill(keys.map((key) => ({ key, "
        "clip: 'drive', frame: 0, xyxy: [10, 10, 40, 40], score: 0.5, status: 'open' })), "
        "selected, (hit) => hit.key) }; }"
    )

    def fill(keys, selected):
        """Fill the strip; return how many hits are there at once."""
        return page.page.evaluate(
            "([keys, selected]) => { strip.fill(keys, selected); "
            "return strip.root.childElementCount; }",
            [keys, selected],
        )

    labels = "[...strip.root.querySelectorAll('button')].map((each) => each.ariaLabel)"
    pressed = (
        "[...strip.root.querySelectorAll('[aria-pressed=true]')].map((each) => each.ariaLabel)"
    )
    first = [f"hit {number}" for number in range(100)]
    assert fill(first, "hit 70") == 16
    page.wait(f"([keys]) => {labels}.join() === keys.join()", first)
    assert page.page.evaluate(pressed) == ["hit 70"]
    page.page.evaluate("strip.kept = strip.root.children[99]")
    later = [*first[:40:-2], "a new one", *first[:40:3]]
    assert fill(later, "hit 3") < 100  # what is gone is gone at once
    page.wait(f"([keys]) => {labels}.join() === keys.join()", later)
    assert page.page.evaluate(pressed) == ["hit 3"]
    assert page.page.evaluate("strip.kept === strip.root.children[0]")
    fill(first, None)
    fill(first[:20], None)  # before the rest is there
    page.wait(f"([keys]) => {labels}.join() === keys.join()", first[:20])
    page.page.wait_for_timeout(500)
    assert page.page.evaluate(labels) == first[:20]
    assert not page.faults
