"""The environment of schedulers: what Gymnasium asks for, and what a device does to a look."""

import numpy as np
import pytest

pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env

from drivemeta.core import Detections
from drivemeta.errors import InputError
from drivemeta.plugins.scheduler.features import MODES
from drivemeta.training.schedulers.device import (
    HELD_SPEEDS,
    TRAIN_SPEEDS,
    Device,
    draw_device,
)
from drivemeta.training.schedulers.environment import PerceptionEnv
from drivemeta.training.schedulers.recall import recall
from drivemeta.training.schedulers.traces import (
    LOOKS,
    Trace,
    load_trace,
    save_trace,
)

SKIP, SMALL, FULL, SLICED = range(4)
CLASSES = ("vehicle", "traffic_sign")


def found(*boxes: tuple[float, float, float, float]) -> Detections:
    n = len(boxes)
    rows = np.array(boxes, np.float32).reshape(n, 4)
    return Detections(rows, np.full(n, 0.8, np.float32), np.zeros(n, np.int64), CLASSES)


def make_trace(n: int = 50, pixels: float = 4.0) -> Trace:
    """Return a clip of a large box that moves, which all see, and a small one, which few see."""
    frames = {mode: [] for mode in LOOKS}
    for i in range(n):
        near = (pixels * i, 50, pixels * i + 40, 90)
        far = (200, 10, 210, 20)
        frames["small"].append(found(near))
        frames["full"].append(found(near))
        frames["sliced"].append(found(near, far))
    changes = np.full(n, 0.03, np.float32)
    costs = {"small": 0.01, "full": 0.02, "sliced": 0.1}
    return Trace("moving", 10.0, (100, 300), frames, changes, costs)


def make_env(full: float = 0.1, **values) -> PerceptionEnv:
    device = Device(full, jitter=0.0, **values)
    return PerceptionEnv([make_trace()], n_episodes=1, device=device, offered=MODES)


def play(env: PerceptionEnv, action: int) -> list[tuple[float, dict]]:
    env.reset(seed=0)
    return [env.step(np.int64(action))[1::3] for _ in range(env.n_steps)]


def test_it_is_a_gymnasium_environment():
    check_env(PerceptionEnv([make_trace()]), skip_render_check=True)


def test_the_closest_look_in_time_gets_everything():
    assert [reward for reward, _ in play(make_env(0.1), SLICED)] == pytest.approx([1.0] * 40)


def test_a_quick_look_misses_what_is_far():
    rewards = [reward for reward, _ in play(make_env(0.1), FULL)]
    assert 0.7 < np.mean(rewards) < 1.0
    assert rewards == pytest.approx([info["recall"] for _, info in play(make_env(0.1), FULL)])


def test_what_is_shown_stays_until_the_next_look():
    env = make_env(0.1)
    env.reset(seed=0)
    env.step(np.int64(SLICED))
    seen = [env.step(np.int64(SKIP))[1] for _ in range(12)]
    assert seen[0] == pytest.approx(1.0)  # 4 pixels of 40: IoU above 0.8
    assert seen[-1] < 0.5  # only the one that stands is still there
    assert seen == sorted(seen, reverse=True)


def test_a_look_that_is_late_costs_and_is_shown_later():
    env = make_env(1.0, budget=1.5)
    env.reset(seed=0)
    reward, info = env.step(np.int64(SLICED))[1::3]  # takes five frames
    assert (reward, info["late"]) == (-0.5, True)
    seen = [env.step(np.int64(SKIP))[1] for _ in range(5)]
    assert seen[0] == 0.0
    assert seen[4] > 0.0


def test_looks_wait_for_those_before_them():
    env = make_env(0.9, budget=1.0)
    assert not any(info["late"] for _, info in play(env, FULL))
    env = make_env(1.3, budget=1.5)
    results = play(env, FULL)
    assert not results[0][1]["late"]
    assert results[5][1]["late"]
    assert any(info["compute"] == 0 for _, info in results)  # eight wait: dropped


def test_a_mode_that_is_not_offered_is_a_full_look():
    env = PerceptionEnv([make_trace()], device=Device(0.1, 0.0), offered=("skip", "full"))
    env.reset(seed=0)
    assert env.step(np.int64(SLICED))[4]["mode"] == "full"


def test_load_comes_in_the_middle():
    env = make_env(0.2, step_at=20, step=3.0)
    used = [info["compute"] for _, info in play(env, FULL)]
    assert used[0] == pytest.approx(0.2)
    assert used[-1] == pytest.approx(0.6)


def test_held_out_speeds_are_never_trained_on():
    generator = np.random.default_rng(0)
    for speeds, others in ((TRAIN_SPEEDS, HELD_SPEEDS), (HELD_SPEEDS, TRAIN_SPEEDS)):
        drawn = [draw_device(generator, 80, speeds).full for _ in range(200)]
        assert not any(low < full < high for full in drawn for low, high in others)


def test_equal_seeds_give_equal_trials():
    runs = []
    for _ in range(2):
        env = PerceptionEnv([make_trace()])
        first, _ = env.reset(seed=3)
        runs.append([first, *(env.step(np.int64(i % 4))[0] for i in range(env.n_steps))])
    assert np.array_equal(*map(np.array, runs))


def test_recall_weighs_by_size_and_class():
    truth = found((0, 0, 40, 40), (50, 0, 60, 10))
    assert recall(found((0, 0, 40, 40)), truth, 100) > 0.7
    assert recall(found((50, 0, 60, 10)), truth, 100) < 0.3
    other = found((0, 0, 40, 40))
    wrong = Detections(other.boxes, other.scores, np.ones(1, np.int64), CLASSES)
    assert recall(wrong, truth, 100) == 0.0
    assert recall(found(), found(), 100) == 1.0


def test_a_trace_comes_back_from_its_file(tmp_path):
    trace = make_trace()
    save_trace(trace, tmp_path / "trace.safetensors")
    read = load_trace(tmp_path / "trace.safetensors")
    assert (read.name, read.fps, read.size, read.costs) == ("moving", 10.0, (100, 300), trace.costs)
    for mode in LOOKS:
        for before, after in zip(trace.found[mode], read.found[mode], strict=True):
            assert np.abs(before.boxes - after.boxes).max() <= 0.125
            assert np.abs(before.scores - after.scores).max() <= 0.002
            assert after.names == before.names


def test_a_clip_shorter_than_an_episode_is_refused():
    with pytest.raises(InputError, match="moving: expected 40 frames or more, found 10"):
        PerceptionEnv([make_trace(10)])
