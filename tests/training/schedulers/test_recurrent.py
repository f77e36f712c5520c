"""Training, going on with it, and the exported policy beside the trained one."""

import tempfile

import numpy as np
import pytest

pytest.importorskip("sb3_contrib")

import onnxruntime
import torch

from drivemeta.errors import InputError
from drivemeta.training.schedulers.bandits import Bandits
from drivemeta.training.schedulers.export import export_policy
from drivemeta.training.schedulers.recurrent import (
    Recipe,
    load_policy,
    new_model,
    train_policy,
)

RECIPE = Recipe(n_steps=10, epochs=2, hidden=8)


def model_of(arms: int = 2, recipe: Recipe = RECIPE):
    return new_model(Bandits(arms, 10, 64, seed=1), recipe)


@pytest.fixture
def trained(tmp_path):
    """Return a policy trained for two rollouts, and the folder of the run."""
    model = model_of()
    train_policy(model, tmp_path / "run", RECIPE, n_steps=1280, minutes=5)
    return model, tmp_path / "run"


def test_a_run_goes_on_where_it_was(trained):
    _, folder = trained
    assert load_policy(model_of(), folder) == 1280
    done = train_policy(model_of(), folder, RECIPE, n_steps=2560, minutes=5)
    assert done.steps == 2560
    assert [steps for steps, _ in done.curve] == [640, 1280, 1920, 2560]


def test_weights_and_moments_come_back(trained):
    model, folder = trained
    again = model_of()
    load_policy(again, folder)
    for name, value in model.policy.state_dict().items():
        assert torch.equal(value, again.policy.state_dict()[name])
    before = model.policy.optimizer.state_dict()["state"]
    after = again.policy.optimizer.state_dict()["state"]
    assert all(torch.equal(before[i]["exp_avg"], after[i]["exp_avg"]) for i in before)


def test_a_run_leaves_nothing_beside_its_folder(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    train_policy(model_of(), tmp_path / "run", RECIPE, n_steps=640, minutes=5)
    assert list(elsewhere.iterdir()) == []


def test_another_network_is_refused(trained):
    _, folder = trained
    with pytest.raises(InputError, match="expected weights of this network"):
        load_policy(model_of(arms=3), folder)


def test_an_untrained_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a trained policy"):
        load_policy(model_of(), tmp_path)


def test_whole_sequences_give_what_steps_give():
    policy = model_of().policy
    lstm, generator = policy.lstm_actor, torch.Generator().manual_seed(0)
    features = torch.rand(3 * 5, lstm.input_size, generator=generator)
    states = tuple(torch.rand(1, 3, 8, generator=generator) for _ in range(2))
    starts = torch.zeros(3, 5)
    starts[1:, 0] = 1
    whole, (hidden, cell) = policy._process_sequence(features, states, starts.flatten(), lstm)
    parent = type(policy).__mro__[1]
    steps, (h, c) = parent._process_sequence(features, states, starts.flatten(), lstm)
    for a, b in ((whole, steps), (hidden, h), (cell, c)):
        assert torch.allclose(a, b, atol=1e-6)


def test_the_exported_policy_is_the_trained_one(trained, tmp_path):
    model, _ = trained
    path = tmp_path / "policy.onnx"
    export_policy(model, path, {"seed": 0})
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    env = Bandits(2, 10, 1, seed=5)
    observation, state = env.reset(), None
    hidden = cell = np.zeros((1, 1, 8), np.float32)
    for step in range(10):
        feeds = {"observation": observation, "hidden": hidden, "cell": cell}
        logits, hidden, cell = session.run(None, feeds)
        starts = np.array([step == 0])
        action, state = model.predict(observation, state, starts, deterministic=True)
        assert np.allclose(hidden, state[0], atol=1e-5)
        assert logits[0].argmax() == action[0]
        env.step_async(action)
        observation = env.step_wait()[0]


@pytest.mark.slow
def test_it_learns_to_pull_the_better_of_two_arms(tmp_path):
    recipe = Recipe(n_steps=10, epochs=3, rate=3e-3, gae_lambda=0.9, hidden=16)
    model = new_model(Bandits(2, 10, 128, seed=1), recipe)
    done = train_policy(model, tmp_path, recipe, n_steps=120_000, minutes=10)
    assert done.curve[-1][1] > 5.6  # drawing arms earns 5.0
