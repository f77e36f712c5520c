"""Every snippet of the README and the pages under docs/ runs.

`python` and `bash` blocks are executed, in the order of their page, in a folder with a small
support set and a video; a block whose first line is a comment with a path is first written to that
file. In `sh` blocks (`make`, long runs) the targets, commands and options must exist. The plugins
that the pages write keep to the contracts of their kinds.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivemeta.cli.main import COMMANDS, load_command
from drivemeta.plugins.kinds import KINDS
from tests.helpers.forked import PYTEST, python

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
FILE_LINE = re.compile(r"^# (my_plugins/\S+)\n")
SIZE_WH = (320, 192)
MAIN = "from drivemeta.cli.main import main; main()"


def name_of(page: Path) -> str:
    """Return a page's path in the checkout, to name it by."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """Yield the fenced blocks of a page in some languages."""
    for indent, language, text in FENCE.findall(page.read_text("utf-8")):
        if language in languages:
            yield re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)


def lines_of(text: str) -> list[str]:
    """Return the lines of a shell block, those that end with a backslash joined to the next."""
    return text.replace("\\\n", " ").splitlines()


def commands(page: Path, language: str) -> list[list[str]]:
    """Return the command lines of a page as words, comments left out."""
    lines = [line for text in blocks(page, language) for line in lines_of(text)]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def draw_frame(x: int, seed: int) -> np.ndarray:
    """Return a street in grey with a warning triangle whose left corner is at `x`."""
    noise = np.random.default_rng(seed).normal(0, 4, (SIZE_WH[1], SIZE_WH[0], 3))
    image = np.clip(np.where(np.arange(192)[:, None, None] < 90, 190, 90) + noise, 0, 255)
    image = np.ascontiguousarray(image, np.uint8)
    corners = np.array([[x, 100], [x + 40, 100], [x + 20, 64]])
    cv2.fillPoly(image, [corners], (235, 235, 240))
    cv2.polylines(image, [corners], isClosed=True, color=(30, 30, 200), thickness=4)
    cv2.circle(image, (x + 20, 90), 5, (20, 20, 20), -1)
    return image


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the snippets name."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "frames").mkdir()
    (folder / "run").mkdir()
    images, annotations = [], []
    for i in range(3):
        x = 60 + 70 * i
        cv2.imwrite(str(folder / "frames" / f"{i}.png"), draw_frame(x, i))
        images.append({"id": i, "file_name": f"{i}.png", "width": 320, "height": 192})
        box = {"id": i, "image_id": i, "category_id": 1, "bbox": [x - 2, 62, 44, 40]}
        annotations.append(box)
    categories = [{"id": 1, "name": "falling_rocks"}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(coco), "utf-8")
    cv2.imwrite(str(folder / "frame.jpg"), draw_frame(120, 9))
    video = cv2.VideoWriter(str(folder / "drive.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10, SIZE_WH)
    for i in range(5):
        video.write(draw_frame(40 + 8 * i, 20 + i))
    video.release()
    return folder


def run_page(place: Path, page: Path) -> int:
    """Run the snippets of a page in order; return how many there were."""
    count = 0
    for text in blocks(page, "bash", "python", "yaml"):
        named = FILE_LINE.match(text)
        if named:
            file = place / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        elif text.startswith("drivemeta "):
            for line in lines_of(text):
                python(place, MAIN, shlex.split(line)[1:])
        else:
            python(place, text)
        count += 1
    return count


@pytest.fixture(scope="module")
def counts(place: Path) -> dict[str, int]:
    """Run all pages; return how many snippets each has."""
    return {name_of(page): run_page(place, page) for page in PAGES}


@pytest.mark.slow
def test_readme_and_pages_run(place: Path, counts: dict[str, int]) -> None:
    assert counts["README.md"] >= 5
    assert (place / "falling_rocks.onnx").stat().st_size > 1_000_000
    assert len((place / "run" / "detections.jsonl").read_text("utf-8").splitlines()) == 5


@pytest.fixture(scope="module")
def told(place: Path, counts: dict[str, int]) -> str:
    """Run the contracts of the kinds over the plugins that the pages write; return what is told."""
    suites = [ROOT / "tests" / "contracts" / f"test_{kind}_contract.py" for kind in KINDS]
    names = [path.parent.name for path in place.glob("my_plugins/*/*/plugin.yaml")]
    words = ["-v", "-p", "no:cacheprovider", *suites, "-k", " or ".join(f"[{n}]" for n in names)]
    return python(ROOT, PYTEST, words, {"DRIVEMETA_PLUGIN_PATH": str(place / "my_plugins")})


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_shows_a_whole_plugin_of_each_kind(place: Path, told: str, kind: str) -> None:
    manifests = [*(place / "my_plugins").glob(f"{kind}s/*/plugin.yaml")]
    assert manifests
    for name in (manifest.parent.name for manifest in manifests):
        assert re.search(rf"test_{kind}_contract\.py::\w+\[{name}\] PASSED", told)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_shown_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for words in [*commands(page, "sh"), *commands(page, "bash")]:
        if words[0] == "make":
            assert words[1] in targets, words
        elif words[0] == "drivemeta":
            start = 3 if words[1] == "--plugin-path" else 1
            asked = {
                word.strip("[]") for word in words[start:] if word.lstrip("[").startswith("--")
            }
            assert asked <= options(words[start:]), words
        elif words[:2] == ["python", "-m"] and words[2].startswith("tools."):
            assert ROOT.joinpath(*words[2].split(".")).with_suffix(".py").is_file(), words


def options(words: list[str]) -> set[str]:
    """Return the options of the command that the words call; it must exist."""
    assert words[0] in COMMANDS, words
    command = load_command(words[0])
    for word in words[1:]:
        command = getattr(command, "commands", {}).get(word, command)
    return {option for parameter in command.params for option in parameter.opts}
