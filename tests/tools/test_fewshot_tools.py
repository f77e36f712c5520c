"""The benchmark's shortcut scores as the exported model does."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from drivemeta.core import Detections, Letterbox
from drivemeta.data.dataset import AnnotatedImage, Dataset
from drivemeta.data.support import SupportSet
from drivemeta.evaluation.classes import ClassTree
from drivemeta.evaluation.fewshot import Trial
from drivemeta.evaluation.matching import HIT, IGNORED, MISS, Matches
from drivemeta.evaluation.operating_point import match_class
from drivemeta.export.probe_scene import draw_scene
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.level2 import Level2
from drivemeta.models.store import load_base
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.probe import RowArrays, compare_rows

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))


@pytest.mark.usefixtures("tools")
def test_scenes_find_what_the_model_finds(
    lively_detector: TwoLevelDetector, tiny_model: Path, tmp_path: Path
) -> None:
    from fewshot_networks import on_onnx_runtime
    from fewshot_scenes import Scenes

    frames = [draw_scene((240, 320), seed) for seed in range(2)]
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path, frame in zip(paths, frames, strict=True):
        cv2.imwrite(str(path), frame)
    for _ in range(2):  # the second time from the folder
        base = on_onnx_runtime(lively_detector, tmp_path / "cache")
        scenes = Scenes(base, paths)
    expected = OnnxDetector(tiny_model, provider="cpu", threads=1)(frames, min_score=0.001)
    for i, wanted in enumerate(expected):
        found = scenes.detect(lively_detector.bank, i)
        rows = compare_rows(
            RowArrays(wanted.boxes, wanted.scores, wanted.labels),
            RowArrays(found.boxes, found.scores, found.labels),
        )
        assert rows.n_rows > 20
        assert rows.n_unmatched <= 2


def row(method: str) -> dict[str, Any]:
    cell = {"mean": 0.5, "low": 0.4, "high": 0.6}
    keys = ("novel", "base", "base_before", "base_change", "roads_change")
    shot = dict.fromkeys(keys, cell) | {"seconds": 1.0, "classes": {"stop": 0.25}}
    return {
        "protocol": "italy, half B",
        "base": "seen abroad",
        "method": method,
        "summary": "it learns",
        "command": "python x",
        "machine": "m",
        "images": 3,
        "seeds": 2,
        "boxes": {"stop": (9, 7)},
        "shots": {"1": shot, "5": shot},
    }


@pytest.mark.usefixtures("tools")
def test_the_page_keeps_rows_of_other_names(tmp_path: Path) -> None:
    from fewshot_page import write_page

    page = tmp_path / "few-shot.md"
    for method in ("one", "two", "one"):
        write_page(page, row(method))
    failed = {key: value for key, value in row("three").items() if key != "shots"}
    write_page(page, failed | {"error": "PluginError: no rows"})
    text = page.read_text()
    assert text.count("| seen abroad | one | 1 | 50.0 (40.0 to 60.0) |") == 1
    assert text.count("| seen abroad | two | 1 |") == 1
    assert "| stop | 9 | 7 | 25.0 | 25.0 |" in text
    assert "seen abroad, three failed: PluginError: no rows" in text
    assert len(json.loads(page.with_suffix(".json").read_text())) == 3
    figure = cv2.imread(str(tmp_path / "figures" / "few-shot-italy-half-B.png"))
    assert figure is not None
    assert figure.std() > 10


@pytest.mark.usefixtures("tools")
def test_halves_share_no_image() -> None:
    halves = json.loads((TOOLS / "italy_halves.json").read_text())
    first, second = set(halves["A"]), set(halves["B"])
    assert not first & second
    assert np.isclose(len(first), len(second), atol=20)


@pytest.mark.usefixtures("tools")
def test_a_voted_box_is_embedded_by_the_nearest_location(
    lively_detector: TwoLevelDetector,
) -> None:
    from fewshot_scenes import run_level1
    from peers.naming import _places

    image = draw_scene((360, 640), 1)
    dense = run_level1(lively_detector, image)
    hw = (image.shape[0], image.shape[1])
    in_frame = Letterbox.fit(hw, lively_detector.input_size).to_frame(dense.boxes)
    inside = np.flatnonzero((in_frame.min(1) > 2) & (in_frame[:, 2:] < [638, 358]).all(1))[::29]
    moved = (in_frame[inside] + np.float32(0.01)).astype(np.float32)
    places = _places(dense.boxes, moved, hw, lively_detector.input_size)
    assert len(inside) > 5
    np.testing.assert_allclose(in_frame[places], in_frame[inside], atol=0.5)


@pytest.mark.usefixtures("tools")
def test_level2_runs_on_onnx_until_it_is_copied_or_trained(
    lively_detector: TwoLevelDetector,
) -> None:
    from fewshot_networks import OnnxLevel2

    crops = torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    fast = OnnxLevel2(lively_detector.level2)
    expected = lively_detector.level2(crops)
    assert torch.allclose(fast(crops), expected, atol=1e-5)
    assert fast(crops).requires_grad
    with torch.no_grad():
        assert torch.allclose(fast(crops), expected, atol=1e-5)
        other = {name: value * 0.5 for name, value in fast.named_parameters()}
        swapped = torch.func.functional_call(fast, other, (crops,))
        assert not torch.allclose(swapped, expected, atol=1e-2)
    copied = copy.deepcopy(fast)
    assert type(copied) is Level2
    assert torch.allclose(copied(crops), expected, atol=1e-6)


@pytest.mark.usefixtures("tools")
def test_a_trial_is_kept_and_scores_alike(tmp_path: Path) -> None:
    from fewshot_store import TrialStore

    rng = np.random.default_rng(0)
    n_images, n = 20, 300
    scores = np.sort(rng.random(n).astype(np.float32))[::-1]
    outcomes = rng.choice([MISS, HIT, IGNORED], n, p=[0.85, 0.05, 0.1])
    outcomes[-60:] = MISS
    matches = Matches(rng.integers(n_images, size=n), scores, outcomes, np.full(n_images, 2))
    trial = Trial(3, np.arange(n_images), {"stop": matches}, 1.5)
    made = []

    def make() -> dict[str, Trial]:
        made.append(1)
        return {"novel": trial}

    for _ in range(2):
        kept = TrialStore(tmp_path, {"method": "one"}).trial(3, 5, make)["novel"]
    assert len(made) == 1
    assert len(kept.matches["stop"].scores) < n - 60
    for _ in range(5):
        weights = rng.integers(0, 3, n_images).astype(np.float64)
        assert kept.ap50(["stop"], weights) == pytest.approx(trial.ap50(["stop"], weights))
    TrialStore(tmp_path, {"method": "two"}).trial(3, 5, make)
    assert len(made) == 2


@pytest.mark.usefixtures("tools")
def test_what_the_base_cannot_name_yet_is_to_be_found_as_its_super_class() -> None:
    from fewshot_measure import grown

    image = AnnotatedImage(
        Path("a.png"),
        (100, 100),
        np.array([[10, 10, 30, 30], [50, 50, 80, 80]], np.float32),
        np.array([0, 1]),
        np.zeros(2, np.bool_),
    )
    truth = Dataset((image,), ("stop", "traffic_sign"))
    tree = grown(ClassTree(("traffic_sign",), (None,), ("base",)), truth)
    found = Detections(
        image.boxes, np.array([0.9, 0.8], np.float32), np.zeros(2, np.int64), tree.names
    )
    matches = match_class(truth, [found], tree, "traffic_sign")
    assert matches.n_truth.tolist() == [2]
    assert matches.outcomes.tolist() == [HIT, HIT]


@pytest.mark.usefixtures("tools")
def test_shots_and_queries_of_separate_drives_are_never_shared() -> None:
    from fewshot_protocols import Protocol

    def images(name: str, n: int) -> tuple[AnnotatedImage, ...]:
        box, label = np.array([[1, 1, 9, 9]], np.float32), np.zeros(1, np.int64)
        none = np.zeros(1, np.bool_)
        return tuple(
            AnnotatedImage(Path(f"{name}{i}"), (20, 20), box, label, none) for i in range(n)
        )

    support = Dataset(images("train", 12), ("stop",))
    truth = Dataset(images("val", 5), ("stop", "traffic_sign"))
    protocol = Protocol("vietnam", support, truth, shared=False, limit=4)
    draw = protocol.draw([1, 3], seed=0)
    assert draw.query.tolist() == [0, 1, 2, 3]
    one, three = ({image.path for image in draw.supports[n].images} for n in (1, 3))
    assert one < three
    assert protocol.boxes() == {"stop": (12, 5)}


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("part", ["head", "all"])
def test_fine_tuning_leaves_the_base_alone(part: str, tmp_path: Path) -> None:
    from fewshot_scenes import Scenes
    from peers.finetune import FineTuning, torch_level1

    base = load_base()
    base.input_size = (192, 320)  # the tracing of a smaller input takes less long
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), draw_scene((192, 320), 0))
    box, label = np.array([[100, 50, 160, 110]], np.float32), np.zeros(1, np.int64)
    shot = AnnotatedImage(path, (192, 320), box, label, np.zeros(1, np.bool_))
    support = SupportSet(Dataset((shot,), ("stop",)))
    before = copy.deepcopy(torch_level1(base)).state_dict()

    finder = FineTuning(part, 2, 1e-5).learn(base, support, "traffic_sign")

    assert all(torch.equal(v, before[k]) for k, v in torch_level1(base).state_dict().items())
    tree = finder.tree
    assert tree.parents[tree.names.index("stop")] == "traffic_sign"
    found = finder.detect(Scenes(base, [path]), 0)
    assert (found.labels == tree.names.index("stop")).any()


@pytest.mark.usefixtures("tools")
def test_last_layers_predict_as_the_whole_network_does(tmp_path: Path) -> None:
    from peers.finetune import torch_level1
    from peers.parts import LastLayers, Whole

    level1 = torch_level1(load_base()).eval()
    crops = list(torch.rand(3, 3, 64, 128, generator=torch.Generator().manual_seed(0)))
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), draw_scene((96, 160), 0))
    last = LastLayers(copy.deepcopy(level1), crops, {})
    with torch.no_grad():
        for parameter in last.trained:
            parameter.add_(0.01)
    whole = Whole(copy.deepcopy(last._level1), crops)

    pairs = list(zip(last.predict([2, 0]), whole.predict([2, 0]), strict=True))
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in pairs)
    assert sum(p.numel() for p in last.trained) < 1000
    for part in (last, whole):
        part.finish((128, 192))
    for _ in range(2):  # the second time from memory
        (size, ours), (_, wanted) = last.look(path), whole.look(path)
        assert size == (96, 160)
        np.testing.assert_allclose(ours.boxes, wanted.boxes, atol=0.05)
        np.testing.assert_allclose(ours.embeddings, wanted.embeddings, atol=1e-3)
